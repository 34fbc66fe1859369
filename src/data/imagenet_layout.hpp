#pragma once

#include <darts/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::detail {

/// Where the images of one split of ImageNet lie.
struct ImagenetLayout {
  std::filesystem::path folder;          ///< ROOT/train or ROOT/val
  std::vector<std::string> class_names;  ///< the train split's, sorted by name
  std::vector<std::string> folders;      ///< of the split, one a class; none: all in `folder`
  std::filesystem::path labels;          ///< what the images in `folder` itself show
  std::filesystem::path train;           ///< the folder that the class names come from
};

/// Finds ROOT/train/CLASS/*.JPEG or ROOT/val/CLASS/*.JPEG, or ROOT/val/*.JPEG beside a file with
/// their labels; ROOT is `root` or its sub-folder imagenet. Without train/ the classes of the test
/// split are those of val/.
///
/// Throws Error for a missing folder, images without labels, and a class of val/ that train/ does
/// not have.
ImagenetLayout find_imagenet(const std::filesystem::path& root, Split split);

/// The class of every file (names without folder, sorted). The file `layout.labels` says, in each
/// line, the name of an image and its class ("ILSVRC2012_val_00000001.JPEG n01751748", with or
/// without extension, separated by spaces or a comma; what follows is ignored, as is the header of
/// Kaggle's LOC_val_solution.csv) or the class alone, in the order of the sorted file names. A
/// class is a name or its place, from 0 on, among the sorted names. Where `layout` has no class
/// names they become those of the file.
///
/// Throws Error, with file and line, for what does not fit.
std::vector<std::int32_t> read_labels(ImagenetLayout& layout,
                                      const std::vector<std::string>& files);

}  // namespace darts::detail
