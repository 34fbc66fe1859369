#pragma once

#include <darts/core/error.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace darts::detail {

// Names of what lies in a folder; hidden entries never count. Throws Error if a folder cannot be
// read, and for a link that leads nowhere.

/// Sub-folders, sorted.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

/// How many files of which ending were left out.
using LeftOut = std::map<std::string, std::int64_t>;

/// "3 .webp, 1 .txt"
std::string describe(const LeftOut& left_out);

/// JPEG (.jpg, .jpeg, .jpe, .jfif) and PNG files in a folder and in its sub-folders, in small or
/// capital letters: names like "a.jpg" and "more/b.png", folder by folder, as torchvision sorts
/// them. What else lies there is counted in `left_out`.
std::vector<std::string> images_in(const std::filesystem::path& folder, LeftOut& left_out);

/// The same, of the folder alone.
std::vector<std::string> images_directly_in(const std::filesystem::path& folder, LeftOut& left_out);

/// The error of a class folder without images.
Error no_images(const std::filesystem::path& class_folder, const LeftOut& left_out);

/// Throws Error where images lie beside class folders in `folder`: it was sorted into classes in
/// part, and those would be left out.
void check_all_sorted(const std::filesystem::path& folder);

}  // namespace darts::detail
