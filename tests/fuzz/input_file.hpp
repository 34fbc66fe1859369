#pragma once

#include "core/temporary_folder.hpp"

#include <filesystem>
#include <string_view>

namespace darts::fuzz {

/// Writes a file `name` for parsers that read files; the next one of that name takes its place. Its
/// folder is in memory where there is such a place, and is gone with the process.
std::filesystem::path input_file(std::string_view name, std::string_view bytes);

}  // namespace darts::fuzz
