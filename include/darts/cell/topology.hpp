#pragma once

#include <cstdint>

namespace darts {

/// The numbering inside a cell (paper, section 2.1): states 0 and 1 are the outputs of the two
/// cells before (c_{k-2}, c_{k-1}); node i, counted from 0, is state i + 2 and may read every state
/// before it. Edges are numbered node by node: node 0 has edges 0, 1; node 1 has 2, 3, 4; …
inline constexpr std::int64_t cell_inputs = 2;

/// More than any cell has that was ever looked at: what a file or a config may ask for at most.
inline constexpr std::int64_t most_nodes = 32;
inline constexpr std::int64_t most_edges_of_node = 64;

/// States that node `node` can read.
constexpr std::int64_t predecessors(std::int64_t node) { return node + cell_inputs; }

/// Number of the first edge that ends in `node`.
constexpr std::int64_t first_edge(std::int64_t node) {
  return node * (node + 2 * cell_inputs - 1) / 2;
}

/// Edges of a search cell with `nodes` intermediate nodes: 14 for the paper's 4.
constexpr std::int64_t edge_count(std::int64_t nodes) { return first_edge(nodes); }

/// Whether cell `index` of a network of `cells` is a reduction cell: those at one third and two
/// thirds of its depth (paper, section 3.1.1); one and the same where there are fewer than three.
constexpr bool is_reduction_cell(std::int64_t index, std::int64_t cells) {
  return index == cells / 3 || index == 2 * cells / 3;
}

}  // namespace darts
