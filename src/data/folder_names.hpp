#pragma once

#include <darts/core/error.hpp>
#include <darts/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace darts::detail {

// Names of what lies in a folder; hidden entries never count. Throws Error if a folder cannot be
// read, and for a link that leads nowhere, unless it is called an image and these are skipped.

/// Sub-folders, sorted: classes. Throws Error also for a name that is not UTF-8.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

/// Throws Error, which begins with `place`, for a name that is not UTF-8: records could not hold
/// it.
void check_class_names(const std::vector<std::string>& names, const std::string& place);

/// How many files of which ending were left out.
using LeftOut = std::map<std::string, std::int64_t>;

/// "3 .webp, 1 .txt"
std::string describe(const LeftOut& left_out);

/// What lies in a folder and in its sub-folders.
struct FolderImages {
  std::vector<std::string> names;    ///< like "a.jpg" and "more/b.png", folder by folder
  std::vector<std::string> folders;  ///< the sub-folders, also those without images
  LeftOut left_out;                  ///< the files that are no images
};

/// JPEG (.jpg, .jpeg, .jpe, .jfif) and PNG files, in small or capital letters, as torchvision sorts
/// them.
FolderImages images_in(const std::filesystem::path& folder, OnError on_error);

/// The bytes of such a file; nothing where broken ones are skipped and this one cannot be opened by
/// its permissions or is a link that leads nowhere. Throws Error for all else: a file that is gone
/// or a disk that fails may come back, and it would be another epoch then.
std::optional<std::string> read_image(const std::filesystem::path& file, OnError on_error);

/// Adds what another one counted.
void add(LeftOut& sum, const LeftOut& left_out);

/// The error of a class folder without images.
Error no_images(const std::filesystem::path& class_folder, const LeftOut& left_out);

/// Throws Error where images lie beside class folders in `folder`: it was sorted into classes in
/// part, and those would be left out.
void check_all_sorted(const std::filesystem::path& folder, OnError on_error);

}  // namespace darts::detail
