#include "space_json.hpp"

#include <darts/core/json_text.hpp>

namespace darts {
namespace {

using Json = nlohmann::json;

Json cell_to_json(const CellPrimitives& primitives) {
  Json sets = Json::array();
  for (const std::vector<Primitive>& set : primitives.sets()) {
    sets.push_back(primitive_names(set));
  }
  return primitives.same_everywhere() ? sets.front() : sets;
}

CellPrimitives cell_from_json(const Json& json) {
  if (json.is_array() && !json.empty() && json.front().is_string()) {
    return parse_primitives(json_as<std::vector<std::string>>(json));
  }
  return parse_cell_primitives(json_as<std::vector<std::vector<std::string>>>(json));
}

}  // namespace

Json primitives_to_json(const ByCellType<CellPrimitives>& primitives) {
  if (primitives.normal.same_everywhere() && primitives.normal == primitives.reduce) {
    return cell_to_json(primitives.normal);
  }
  return {{"normal", cell_to_json(primitives.normal)}, {"reduce", cell_to_json(primitives.reduce)}};
}

ByCellType<CellPrimitives> primitives_from_json(const Json& json) {
  if (json.is_array()) {
    return {cell_from_json(json), cell_from_json(json)};
  }
  return {cell_from_json(json_field(json, "normal")), cell_from_json(json_field(json, "reduce"))};
}

}  // namespace darts
