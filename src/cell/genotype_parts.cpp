#include "genotype_parts.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>

#include <algorithm>
#include <set>

namespace darts {
namespace {

GenotypeEdge check_edge(const std::pair<std::string, std::int64_t>& edge, std::int64_t node,
                        const std::string& where) {
  try {
    const auto& [operation, from] = edge;
    if (from < 0 || from >= predecessors(node)) {
      throw Error("node " + std::to_string(node) + " (state " + std::to_string(node + cell_inputs) +
                  ") can only read states 0 to " + std::to_string(predecessors(node) - 1) +
                  ", but an edge comes from state " + std::to_string(from));
    }
    return {Primitive::parse(operation), from};
  } catch (const Error& e) {
    throw Error(where + ": " + e.what());
  }
}

void check_concat(const CellGenotype& cell, const std::string& where) {
  const auto states = std::ssize(cell.nodes) + cell_inputs;
  if (cell.concat.empty()) {
    throw Error(where + "_concat: names no state; the output would be empty");
  }
  for (const std::int64_t state : cell.concat) {
    if (state < cell_inputs || state >= states) {
      throw Error(where + "_concat: state " + std::to_string(state) +
                  " is not an intermediate node; this cell has states " +
                  std::to_string(cell_inputs) + " to " + std::to_string(states - 1));
    }
  }
  if (std::set(cell.concat.begin(), cell.concat.end()).size() != cell.concat.size()) {
    throw Error(where + "_concat: names a state twice");
  }
}

}  // namespace

CellGenotype assemble_cell(const CellParts& parts, std::int64_t edges_per_node,
                           const std::string& where) {
  CellGenotype cell;
  cell.concat = parts.concat;
  std::size_t next = 0;
  while (next < parts.edges.size()) {
    const auto node = std::ssize(cell.nodes);
    const auto count = static_cast<std::size_t>(std::min(edges_per_node, predecessors(node)));
    if (parts.edges.size() - next < count) {
      throw Error(where + ": " + std::to_string(parts.edges.size()) +
                  " edges, but every node has " + std::to_string(edges_per_node));
    }
    auto& edges = cell.nodes.emplace_back();
    for (std::size_t i = 0; i < count; ++i) {
      edges.push_back(check_edge(parts.edges[next++], node, where));
    }
  }
  if (cell.nodes.empty()) {
    throw Error(where + ": has no edges");
  }
  check_concat(cell, where);
  return cell;
}

}  // namespace darts
