#include "image_folder_listing.hpp"

#include "imagenet_layout.hpp"

#include <darts/core/error.hpp>

#include <algorithm>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

std::string layout(const fs::path& root) {
  return "expected " + (root / "train/CLASS/*.jpg").string() + " (or .jpeg, .png) and " +
         (root / "test/CLASS/").string();
}

fs::path train_folder(const fs::path& root) {
  if (fs::is_directory(root / "train")) {
    return root / "train";
  }
  if (fs::is_directory(root / "test") || fs::is_directory(root / "val")) {
    throw Error("no train images in " + root.string() + ": " + layout(root));
  }
  return root;
}

fs::path test_folder(const fs::path& root) {
  for (const char* name : {"test", "val"}) {
    if (fs::is_directory(root / name)) {
      return root / name;
    }
  }
  throw Error("no test images in " + root.string() + ": " + layout(root));
}

/// What the class names come from: train/, or the test images' own folder where there is none.
fs::path naming_folder(const fs::path& root, Split split) {
  return split == Split::test && !fs::is_directory(root / "train") ? test_folder(root)
                                                                   : train_folder(root);
}

std::vector<std::string> classes_in(const fs::path& folder, const fs::path& root) {
  auto names = folders_in(folder);
  if (names.empty()) {
    throw Error("no class folders in " + folder.string() + ": " + layout(root));
  }
  return names;
}

void add_class(FolderListing& listing, const fs::path& folder, std::int64_t label,
               OnError on_error) {
  const FolderImages images = images_in(folder, on_error);
  if (images.names.empty()) {
    throw no_images(folder, images.left_out);
  }
  add(listing.left_out, images.left_out);
  for (const std::string& name : images.names) {
    listing.files.push_back(folder / name);
    listing.labels.push_back(label);
  }
}

/// Tiny ImageNet's test images: val/images/, with their classes in val/val_annotations.txt.
void add_annotated(FolderListing& listing, const fs::path& root, OnError on_error) {
  ImagenetLayout layout{.folder = root / "val/images",
                        .class_names = listing.class_names,
                        .folders = {},
                        .labels = root / "val/val_annotations.txt",
                        .train = root / "train"};
  listing.folder = layout.folder;
  const FolderImages images = images_in(layout.folder, on_error);
  const std::vector<std::string>& names = images.names;
  add(listing.left_out, images.left_out);
  for (const std::int32_t label : read_labels(layout, names)) {
    listing.files.push_back(layout.folder / names[listing.labels.size()]);
    listing.labels.push_back(label);
  }
}

}  // namespace

FolderListing list_image_folder(const fs::path& root, Split split, OnError on_error) {
  if (!fs::is_directory(root)) {
    throw Error("no image folder " + root.string() + ": " + layout(root));
  }
  FolderListing listing;
  if (split == Split::test && fs::exists(root / "val/val_annotations.txt")) {
    listing.class_names = classes_in(train_folder(root), root);
    add_annotated(listing, root, on_error);
    return listing;
  }
  const fs::path naming = naming_folder(root, split);
  listing.class_names = classes_in(naming, root);
  listing.folder = split == Split::train ? train_folder(root) : test_folder(root);
  const fs::path& folder = listing.folder;
  const auto& known = listing.class_names;
  check_all_sorted(folder, on_error);
  for (const std::string& name : classes_in(folder, root)) {
    const auto place = std::lower_bound(known.begin(), known.end(), name);
    if (place == known.end() || *place != name) {
      throw Error("the class " + (folder / name).string() + " has no train images: there is no " +
                  (naming / name).string());
    }
    add_class(listing, folder / name, place - known.begin(), on_error);
  }
  return listing;
}

}  // namespace darts::detail
