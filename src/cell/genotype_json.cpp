#include "genotype_parts.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <array>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t default_edges_per_node = 2;  // in version 1
constexpr const char* edges_per_node_field = "edges_per_node";
constexpr std::array known_fields{"format",        "version",       "name",
                                  "normal",        "normal_concat", "reduce",
                                  "reduce_concat", "operations",    "provenance"};

Json nodes_of(const CellGenotype& cell) {
  Json nodes = Json::array();
  for (const auto& edges : cell.nodes) {
    Json& node = nodes.emplace_back(Json::array());
    for (const GenotypeEdge& edge : edges) {
      node.push_back({edge.operation.name(), edge.from});
    }
  }
  return nodes;
}

bool occurs(std::string_view operation, const CellGenotype& cell) {
  return std::ranges::any_of(cell.nodes, [&](const auto& edges) {
    return std::ranges::any_of(
        edges, [&](const GenotypeEdge& edge) { return edge.operation.name() == operation; });
  });
}

/// The kinds of the operations that occur, by name, in the table's order.
Json kinds_of(const Genotype& genotype) {
  Json kinds = Json::object();
  for (const PrimitiveRow& row : primitive_table()) {
    if (occurs(row.name, genotype.normal) || occurs(row.name, genotype.reduce)) {
      kinds[std::string(row.name)] = kind_name(row.kind);
    }
  }
  return kinds;
}

const Json& field(const Json& json, const std::string& name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end()) {
    throw Error(where + ": the field \"" + name + "\" is missing");
  }
  return *found;
}

bool is_edge(const Json& json) {
  return json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_number_integer();
}

bool is_list_of_edges(const Json& json) {
  return json.is_array() && std::ranges::all_of(json, is_edge);
}

std::vector<EdgeParts> edges_of(const Json& json) {
  std::vector<EdgeParts> edges;
  for (const Json& edge : json) {
    edges.emplace_back(edge[0].get<std::string>(), edge[1].get<std::int64_t>());
  }
  return edges;
}

std::vector<std::vector<EdgeParts>> nodes_of(const Json& json, const std::string& where) {
  if (!json.is_array() || !std::ranges::all_of(json, is_list_of_edges)) {
    throw Error(where + ": must be a list of nodes, each a list of [\"operation\", state]");
  }
  std::vector<std::vector<EdgeParts>> nodes;
  for (const Json& node : json) {
    nodes.push_back(edges_of(node));
  }
  return nodes;
}

std::vector<std::vector<EdgeParts>> nodes_of_flat(const Json& json, std::int64_t edges_per_node,
                                                  const std::string& where) {
  if (!is_list_of_edges(json)) {
    throw Error(where + ": must be a list of [\"operation\", state]");
  }
  return split_by_node(edges_of(json), edges_per_node, where);
}

std::vector<std::int64_t> concat_of(const Json& json, const std::string& where) {
  if (!json.is_array() ||
      !std::ranges::all_of(json, [](const Json& e) { return e.is_number_integer(); })) {
    throw Error(where + ": must be a list of states");
  }
  return json.get<std::vector<std::int64_t>>();
}

/// The number of edges of every node where the list of edges is flat; 0 where each node has its
/// own.
std::int64_t edges_per_node_of(const Json& json, const std::string& where) {
  if (json["version"] != Json(1)) {
    return 0;
  }
  const Json count = json.value(edges_per_node_field, Json(default_edges_per_node));
  if (!count.is_number_integer() || count.get<std::int64_t>() < 1) {
    throw Error(where + ": edges_per_node: must be a whole number of at least 1");
  }
  return count.get<std::int64_t>();
}

CellGenotype cell_of(const Json& json, const std::string& cell, const std::string& where) {
  const Json& edges = field(json, cell, where);
  const Json& concat = field(json, cell + "_concat", where);
  const std::int64_t per_node = edges_per_node_of(json, where);
  const std::string here = where + ": " + cell;
  return assemble_cell(
      {per_node == 0 ? nodes_of(edges, here) : nodes_of_flat(edges, per_node, here),
       concat_of(concat, here + "_concat")},
      here);
}

void check_header(const Json& json, const std::string& where) {
  if (!json.is_object() || json.value("format", Json()) != Json("darts-genotype")) {
    throw Error(where + ": not a genotype: the field \"format\" must be \"darts-genotype\"");
  }
  const Json& version = field(json, "version", where);
  if (version != Json(1) && version != Json(2)) {
    throw Error(where + ": version " + version.dump() +
                " of the genotype format is not known; this program reads versions 1 and 2");
  }
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(known_fields, key) == known_fields.end() &&
        !(version == Json(1) && key == edges_per_node_field)) {
      throw Error(where + ": unknown field " + in_quotes(key));
    }
  }
}

/// They are for programs without our table; what an operation is, its name says here.
void check_kinds(const Json& json, const std::string& where) {
  const Json kinds = json.value("operations", Json::object());
  if (!kinds.is_object() ||
      !std::ranges::all_of(kinds, [](const Json& k) { return k.is_string(); })) {
    throw Error(where + R"(: operations: must be an object of texts, {"skip_connect": "skip", …})");
  }
}

}  // namespace

Json to_json(const Genotype& genotype) {
  Json json{{"format", "darts-genotype"},
            {"version", 2},
            {"name", genotype.name},
            {"normal", nodes_of(genotype.normal)},
            {"normal_concat", genotype.normal.concat},
            {"reduce", nodes_of(genotype.reduce)},
            {"reduce_concat", genotype.reduce.concat},
            {"operations", kinds_of(genotype)}};
  if (!genotype.provenance.empty()) {
    json["provenance"] = Json::parse(genotype.provenance);
  }
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
  const Json json = within(where, [&] { return parse_json<Json>(text); });
  check_header(json, where);
  const Json name = json.value("name", Json(""));
  if (!name.is_string()) {
    throw Error(where + ": name: must be text");
  }
  const Json provenance = json.value("provenance", Json::object());
  if (!provenance.is_object()) {
    throw Error(where + ": provenance: must be an object, {…}");
  }
  check_kinds(json, where);
  return {name.get<std::string>(), cell_of(json, "normal", where), cell_of(json, "reduce", where),
          provenance.empty() ? "" : provenance.dump()};
}

}  // namespace darts
