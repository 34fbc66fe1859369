#include "field_yaml.hpp"

#include <darts/core/error.hpp>
#include <darts/core/yaml_lines.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

/// A list as one line of YAML, each text in quotes.
nlohmann::json items_of(const RawValue& list) {
  nlohmann::json items = nlohmann::json::array();
  for (const RawValue& item : list.items) {
    items.push_back(item.kind == RawValue::Kind::list ? items_of(item) : nlohmann::json(item.text));
  }
  return items;
}

}  // namespace

std::vector<YamlLine> read_yaml_lines(const std::filesystem::path& file) {
  std::vector<YamlLine> lines;
  for (const RawField& field : read_yaml_file(file, [](std::string_view) { return true; })) {
    const RawValue::Kind kind = field.value.kind;
    if (kind == RawValue::Kind::nothing) {
      throw Error(file.string() + ":" + std::to_string(field.line) + ": " + field.key +
                  ": has no value");
    }
    lines.push_back(
        {field.key, field.line, kind == RawValue::Kind::section,
         kind == RawValue::Kind::list ? items_of(field.value).dump() : field.value.text});
  }
  return lines;
}

}  // namespace darts
