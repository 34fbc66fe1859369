#pragma once

#include <string>
#include <string_view>

namespace darts {

// Names and paths of files are bytes; JSON and YAML hold UTF-8 only.

/// Whether `text` is UTF-8, as the standard has it: shortest forms, no surrogates.
bool is_utf8(std::string_view text);

/// `text` with every byte that is not part of UTF-8 written as \xHH: for records and messages.
std::string as_utf8(std::string_view text);

}  // namespace darts
