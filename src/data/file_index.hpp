#pragma once

#include "imagenet_layout.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace darts::detail {

/// The images of one split, packed: ImageNet has 1.28 million.
class FileIndex {
 public:
  FileIndex(std::vector<std::string> class_names, bool folder_per_class)
      : class_names_(std::move(class_names)), folder_per_class_(folder_per_class) {}

  void add(std::string_view name, std::int32_t label) {
    names_.append(name).push_back('\n');
    begins_.push_back(names_.size());
    labels_.push_back(label);
  }

  std::int64_t size() const { return static_cast<std::int64_t>(labels_.size()); }
  const std::vector<std::string>& class_names() const { return class_names_; }
  bool folder_per_class() const { return folder_per_class_; }
  std::int32_t label(std::int64_t i) const { return labels_[static_cast<std::size_t>(i)]; }
  std::string_view name(std::int64_t i) const;

  /// What lies among the images and is none that can be read: "3 .webp, 1 .txt", or empty.
  const std::string& left_out() const { return left_out_; }
  void set_left_out(std::string text) { left_out_ = std::move(text); }

  /// Folders in class folders (or in the split's, if all images lie there), also those without
  /// images. Known of an index that was just made, and not of one that was unpacked.
  const std::vector<std::filesystem::path>& sub_folders() const { return sub_folders_; }
  void add_folder(std::filesystem::path folder) { sub_folders_.push_back(std::move(folder)); }

  /// Of the names and labels of all images.
  std::string checksum() const;

  /// Where image `i` lies in the folder of the split.
  std::filesystem::path place(std::int64_t i) const;

 private:
  std::vector<std::string> class_names_;
  bool folder_per_class_;
  std::string names_;                      // each ends in a line feed
  std::vector<std::size_t> begins_ = {0};  // of each name, and the end of the last
  std::vector<std::int32_t> labels_;
  std::string left_out_;
  std::vector<std::filesystem::path> sub_folders_;
};

/// Reads the folders of the split: class by class, files sorted by name. Throws Error for a class
/// without images and for labels that do not fit.
FileIndex list_images(ImagenetLayout layout, OnError on_error = OnError::fail);

// The index as bytes that are kept on the disk. `state` says what the folders were like.

/// nullopt if a name has a line feed in it.
std::optional<std::string> pack_index(const FileIndex& index, std::string_view state);

/// The state that an index was packed with; empty if there is none to be read.
std::string packed_state(std::string_view bytes);

/// nullopt unless `bytes` are whole and were packed with the same `state`; safe on arbitrary bytes.
std::optional<FileIndex> unpack_index(std::string_view bytes, std::string_view state);

/// How an index is kept from one start to the next.
struct IndexCache {
  std::filesystem::path
      folder;  ///< empty: beside the data or, if that cannot be written, the user's
  std::function<void(const std::string&)> warn;  ///< told, if set, why the index cannot be kept
  OnError on_error = OnError::fail;              ///< of images that cannot be opened
};

/// The images of a split, from the cache where the folders have not changed since it was written
/// (their times of change say so), else from the folders. A cache that is out of date, damaged or
/// cannot be written never is an error.
FileIndex cached_index(const ImagenetLayout& layout, const IndexCache& cache);

}  // namespace darts::detail
