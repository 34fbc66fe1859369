#pragma once

#include "field_codec.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

/// One key of a YAML file with everything above it: "search.epochs".
struct RawField {
  std::string key;
  int line = 0;  ///< from 1
  RawValue value;
};

/// Reads YAML text into its keys, in order, sections before what they hold. Sections that
/// `is_section` does not know are not entered. Throws Error where the text is not YAML, holds no
/// map, or gives a key twice; the message begins with the name of the file that it is from.
std::vector<RawField> read_yaml(const std::string& text, const std::filesystem::path& file,
                                const std::function<bool(std::string_view)>& is_section);

/// The same of a file; throws Error where it cannot be read, too.
std::vector<RawField> read_yaml_file(const std::filesystem::path& file,
                                     const std::function<bool(std::string_view)>& is_section);

/// Reads one value. Throws Error where the text is not YAML.
RawValue read_yaml_value(const std::string& text);

}  // namespace darts
