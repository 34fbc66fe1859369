#include "imagenet_layout.hpp"

#include "folder_names.hpp"

#include <darts/core/error.hpp>

#include <algorithm>
#include <string_view>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* label_files[] = {"val_labels.txt", "val.txt", "LOC_val_solution.csv",
                                       "imagenet_2012_validation_synset_labels.txt",
                                       "val/val_annotations.txt"};

std::string expected(const fs::path& root) {
  return "expected " + (root / "train/CLASS/*.JPEG").string() + " and " +
         (root / "val/CLASS/*.JPEG").string() +
         "; scripts/get_data.py cannot fetch ImageNet: ask for ILSVRC2012 at https://image-net.org "
         "and unpack it there";
}

fs::path find_root(const fs::path& root) {
  for (const fs::path& place : {root, root / "imagenet"}) {
    if (fs::is_directory(place / "train") || fs::is_directory(place / "val")) {
      return place;
    }
  }
  throw Error("no ImageNet in " + root.string() + ": " + expected(root / "imagenet"));
}

std::vector<std::string> classes_in(const fs::path& folder) {
  return fs::is_directory(folder) ? folders_in(folder) : std::vector<std::string>{};
}

fs::path find_labels(const fs::path& root) {
  std::string names;
  for (const char* name : label_files) {
    if (fs::exists(root / name)) {
      return root / name;
    }
    if (std::string_view(name).find('/') == std::string_view::npos) {
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
  }
  throw Error("the images in " + (root / "val").string() +
              " have no labels: sort them into folders named after their classes, or put a file "
              "with lines like 'ILSVRC2012_val_00000001.JPEG n01751748' beside it, as one of " +
              names);
}

void check_classes(const ImagenetLayout& layout) {
  for (const std::string& name : layout.folders) {
    if (!std::binary_search(layout.class_names.begin(), layout.class_names.end(), name)) {
      throw Error("the class " + (layout.folder / name).string() +
                  " has no train images: there is no " + (layout.train / name).string());
    }
  }
}

}  // namespace

ImagenetLayout find_imagenet(const fs::path& root, Split split) {
  const fs::path place = find_root(root);
  ImagenetLayout layout{.folder = place / (split == Split::train ? "train" : "val"),
                        .class_names = classes_in(place / "train"),
                        .folders = {},
                        .labels = {},
                        .train = place / "train"};
  if (!fs::is_directory(layout.folder)) {
    throw Error("no folder " + layout.folder.string() + ": " + expected(place));
  }
  if (split == Split::test && fs::exists(layout.folder / "val_annotations.txt")) {
    // Tiny ImageNet: val/images/ is no class.
    layout.folder = layout.folder / "images";
  } else {
    layout.folders = classes_in(layout.folder);
  }
  if (layout.class_names.empty()) {
    layout.class_names = layout.folders;
  }
  if (layout.folders.empty() && split == Split::train) {
    throw Error("no class folders in " + layout.folder.string() + ": " + expected(place));
  }
  if (layout.folders.empty()) {
    layout.labels = find_labels(place);
  }
  check_classes(layout);
  return layout;
}

}  // namespace darts::detail
