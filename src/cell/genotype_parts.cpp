#include "genotype_parts.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>

#include <algorithm>
#include <set>

namespace darts {
namespace {

/// "node 1 (state 3)".
std::string node_text(std::int64_t node) {
  return "node " + std::to_string(node) + " (state " + std::to_string(node + cell_inputs) + ")";
}

bool has_output(const CellGenotype& cell, std::int64_t state) {
  return state < cell_inputs || !cell.nodes[static_cast<std::size_t>(state - cell_inputs)].empty();
}

void check_from(const CellGenotype& cell, std::int64_t node, std::int64_t from,
                const std::string& where) {
  if (from < 0 || from >= predecessors(node)) {
    throw Error(where + ": " + node_text(node) + " can only read states 0 to " +
                std::to_string(predecessors(node) - 1) + ", but an edge comes from state " +
                std::to_string(from));
  }
  if (!has_output(cell, from)) {
    throw Error(where + ": an edge into " + node_text(node) + " comes from " +
                node_text(from - cell_inputs) + ", which has no edges; leave that edge out");
  }
}

/// `nodes`: of each its edges.
template <class Nodes>
void check_size(const Nodes& nodes, const std::string& where) {
  const auto refuse = [&](std::size_t count, const std::string& of, std::int64_t most) {
    throw Error(where + ": " + std::to_string(count) + " " + of + ", at most " +
                std::to_string(most) + " make sense");
  };
  if (std::ssize(nodes) > most_nodes) {
    refuse(nodes.size(), "nodes in a cell", most_nodes);
  }
  for (const auto& edges : nodes) {
    if (std::ssize(edges) > most_edges_of_node) {
      refuse(edges.size(), "edges into a node", most_edges_of_node);
    }
  }
}

void check_concat(const CellGenotype& cell, const std::string& where) {
  const auto states = predecessors(std::ssize(cell.nodes));
  if (cell.concat.empty()) {
    throw Error(where + ": names no state; the output would be empty");
  }
  for (const std::int64_t state : cell.concat) {
    if (state < cell_inputs || state >= states) {
      throw Error(where + ": state " + std::to_string(state) +
                  " is not an intermediate node; this cell has states " +
                  std::to_string(cell_inputs) + " to " + std::to_string(states - 1));
    }
    if (!has_output(cell, state)) {
      throw Error(where + ": names " + node_text(state - cell_inputs) +
                  ", which has no edges; leave it out");
    }
  }
  if (std::set(cell.concat.begin(), cell.concat.end()).size() != cell.concat.size()) {
    throw Error(where + ": names a state twice");
  }
}

}  // namespace

void check_cell(const CellGenotype& cell, const std::string& where) {
  check_size(cell.nodes, where);
  if (std::ranges::all_of(cell.nodes, [](const auto& edges) { return edges.empty(); })) {
    throw Error(where + ": has no edges");
  }
  for (std::int64_t node = 0; node < std::ssize(cell.nodes); ++node) {
    for (const GenotypeEdge& edge : cell.nodes[static_cast<std::size_t>(node)]) {
      check_from(cell, node, edge.from, where);
    }
  }
  check_concat(cell, where + "_concat");
}

std::vector<std::vector<EdgeParts>> split_by_node(const std::vector<EdgeParts>& edges,
                                                  std::int64_t edges_per_node,
                                                  const std::string& where) {
  std::vector<std::vector<EdgeParts>> nodes;
  for (auto next = edges.begin(); next != edges.end();) {
    const auto count = std::min(edges_per_node, predecessors(std::ssize(nodes)));
    if (edges.end() - next < count) {
      throw Error(where + ": " + std::to_string(edges.size()) + " edges, but every node has " +
                  std::to_string(edges_per_node) +
                  "; where their numbers differ, write one list a node");
    }
    nodes.emplace_back(next, next + count);
    next += count;
  }
  return nodes;
}

CellGenotype assemble_cell(const CellParts& parts, const std::string& where) {
  CellGenotype cell;
  cell.concat = parts.concat;
  check_size(parts.nodes, where);
  for (const auto& edges : parts.nodes) {
    auto& node = cell.nodes.emplace_back();
    for (const auto& edge : edges) {  // whole: clang 14 has no lambda take a structured binding
      within(where + ": " + node_text(std::ssize(cell.nodes) - 1), [&] {
        node.push_back({Primitive::parse(edge.first), edge.second});
      });
    }
  }
  check_cell(cell, where);
  return cell;
}

}  // namespace darts
