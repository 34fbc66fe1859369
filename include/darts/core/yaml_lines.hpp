#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// One key of a YAML file with everything above it ("searches.first.space.cells").
struct YamlLine {
  std::string key;
  int line = 0;             ///< from 1
  bool is_section = false;  ///< that holds what follows it
  std::string value = {};   ///< as FieldTable::set() takes it; empty of a section
};

/// The keys of a YAML file in order, each section before what it holds: for files that are more
/// than a table of fields. Throws Error, which names the file and the line, where it is not YAML,
/// holds no map, gives a key twice, or a key without a value.
std::vector<YamlLine> read_yaml_lines(const std::filesystem::path& file);

}  // namespace darts
