#pragma once

#include "folder_names.hpp"

#include <darts/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::detail {

/// The images of one split of an image folder: class by class, files sorted by name.
struct FolderListing {
  std::vector<std::string> class_names;  ///< sorted
  std::filesystem::path folder;          ///< of the split
  std::vector<std::filesystem::path> files;
  std::vector<std::int64_t> labels;  ///< of each file
  LeftOut left_out;                  ///< of the class folders
};

/// Lists ROOT/train/CLASS/ or ROOT/test/CLASS/ (val/ will do), with what lies in sub-folders; a
/// ROOT without either holds the classes of the train split itself, and has no test split. Tiny
/// ImageNet's test split is val/images/ with val/val_annotations.txt. A test split without train/
/// has the classes that it shows. Throws Error for a missing folder, a class without images, and a
/// test class that train/ does not have.
FolderListing list_image_folder(const std::filesystem::path& root, Split split, OnError on_error);

}  // namespace darts::detail
