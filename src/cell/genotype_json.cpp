#include "genotype_parts.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/core/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t default_edges_per_node = 2;
constexpr std::array known_fields{"format",         "version",       "name",
                                  "edges_per_node", "normal",        "normal_concat",
                                  "reduce",         "reduce_concat", "provenance"};

Json edges_of(const CellGenotype& cell) {
  Json edges = Json::array();
  for (const auto& node : cell.nodes) {
    for (const GenotypeEdge& edge : node) {
      edges.push_back({edge.operation.name(), edge.from});
    }
  }
  return edges;
}

std::int64_t edges_per_node(const Genotype& genotype) {
  std::size_t most = 0;
  for (const auto* cell : {&genotype.normal, &genotype.reduce}) {
    for (const auto& node : cell->nodes) {
      most = std::max(most, node.size());
    }
  }
  return static_cast<std::int64_t>(most);
}

const Json& field(const Json& json, const char* name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end()) {
    throw Error(where + ": the field \"" + name + "\" is missing");
  }
  return *found;
}

CellParts parts_of(const Json& json, const std::string& cell, const std::string& where) {
  CellParts parts;
  const Json& edges = field(json, cell.c_str(), where);
  const Json& concat = field(json, (cell + "_concat").c_str(), where);
  const auto is_edge = [](const Json& e) {
    return e.is_array() && e.size() == 2 && e[0].is_string() && e[1].is_number_integer();
  };
  if (!edges.is_array() || !std::ranges::all_of(edges, is_edge)) {
    throw Error(where + ": " + cell + ": must be a list of [\"operation\", state]");
  }
  for (const Json& edge : edges) {
    parts.edges.emplace_back(edge[0].get<std::string>(), edge[1].get<std::int64_t>());
  }
  if (!concat.is_array() ||
      !std::ranges::all_of(concat, [](const Json& e) { return e.is_number_integer(); })) {
    throw Error(where + ": " + cell + "_concat: must be a list of states");
  }
  parts.concat = concat.get<std::vector<std::int64_t>>();
  return parts;
}

Json parse(const std::string& text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(where + ": not valid JSON at byte " + std::to_string(e.byte) +
                "; the file may be cut off");
  } catch (const nlohmann::json::out_of_range&) {
    throw Error(where + ": not valid JSON: a number is too large");
  }
}

void check_header(const Json& json, const std::string& where) {
  if (!json.is_object() || json.value("format", Json()) != Json("darts-genotype")) {
    throw Error(where + ": not a genotype: the field \"format\" must be \"darts-genotype\"");
  }
  if (field(json, "version", where) != Json(1)) {
    throw Error(where + ": version " + json["version"].dump() +
                " of the genotype format is not known; this program reads version 1");
  }
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(known_fields, key) == known_fields.end()) {
      throw Error(where + ": unknown field \"" + key + "\"");
    }
  }
}

}  // namespace

Json to_json(const Genotype& genotype) {
  Json json{{"format", "darts-genotype"}, {"version", 1}, {"name", genotype.name}};
  if (const auto count = edges_per_node(genotype); count != default_edges_per_node) {
    json["edges_per_node"] = count;
  }
  json["normal"] = edges_of(genotype.normal);
  json["normal_concat"] = genotype.normal.concat;
  json["reduce"] = edges_of(genotype.reduce);
  json["reduce_concat"] = genotype.reduce.concat;
  return json;
}

std::string format_json(const Json& genotype) {
  // nlohmann's indentation would spread every edge over four lines.
  std::string text = "{";
  for (const auto& [key, value] : genotype.items()) {
    text += (text.size() > 1 ? ",\n " : "\n ") + Json(key).dump() + ": ";
    if (value.is_array() && !value.empty() && value[0].is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        text += (i == 0 ? "[\n  " : ",\n  ") + value[i].dump();
      }
      text += "\n ]";
    } else {
      text += value.dump();
    }
  }
  return text + "\n}\n";
}

Genotype genotype_from_json(const std::string& text, const std::string& where) {
  const Json json = parse(text, where);
  check_header(json, where);
  const Json count = json.value("edges_per_node", Json(default_edges_per_node));
  if (!count.is_number_integer() || count.get<std::int64_t>() < 1) {
    throw Error(where + ": edges_per_node: must be a whole number of at least 1");
  }
  Genotype genotype;
  if (const Json name = json.value("name", Json("")); name.is_string()) {
    genotype.name = name.get<std::string>();
  } else {
    throw Error(where + ": name: must be text");
  }
  const auto per_node = count.get<std::int64_t>();
  genotype.normal = assemble_cell(parts_of(json, "normal", where), per_node, where + ": normal");
  genotype.reduce = assemble_cell(parts_of(json, "reduce", where), per_node, where + ": reduce");
  return genotype;
}

}  // namespace darts
