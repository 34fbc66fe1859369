#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace darts::detail {

// Names of what lies in a folder, sorted; hidden entries never count. Throws Error if the folder
// cannot be read.

/// Sub-folders.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

/// Files that end in .jpg, .jpeg or .png, in small or capital letters.
std::vector<std::string> images_in(const std::filesystem::path& folder);

}  // namespace darts::detail
