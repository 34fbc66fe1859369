#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/cell/topology.hpp>

#include <nlohmann/json.hpp>

namespace darts::testing {

/// A cell's edges in one list a node: recorded so, or one after the other with two a node, or as
/// [operation, node, source].
inline nlohmann::ordered_json edges_by_node(const nlohmann::ordered_json& recorded) {
  if (recorded.empty() || recorded.front().front().is_array()) {
    return recorded;
  }
  auto nodes = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const auto& edge = recorded[i];
    const std::size_t node =
        edge.size() > 2 ? edge[1].get<std::size_t>() - static_cast<std::size_t>(cell_inputs)
                        : i / 2;
    while (nodes.size() <= node) {
      nodes.push_back(nlohmann::ordered_json::array());
    }
    nodes[node].push_back({edge.front(), edge.back()});
  }
  return nodes;
}

/// A genotype as the golden vectors write it: the format's edges and concatenations, without its
/// header.
inline Genotype golden_genotype(const nlohmann::ordered_json& recorded) {
  nlohmann::ordered_json json{{"format", "darts-genotype"}, {"version", 2}};
  for (const char* cell : {"normal", "reduce"}) {
    const std::string concat = std::string(cell) + "_concat";
    json[cell] = edges_by_node(recorded.at(cell));
    json[concat] = recorded.at(concat);
  }
  return genotype_from_json(json.dump(), "golden");
}

}  // namespace darts::testing
