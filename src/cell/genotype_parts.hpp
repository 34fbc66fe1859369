#pragma once

#include <darts/cell/genotype.hpp>

#include <string>
#include <utility>
#include <vector>

namespace darts {

/// (operation, from), as a file writes an edge.
using EdgeParts = std::pair<std::string, std::int64_t>;

/// A cell as the files write it, not yet checked.
struct CellParts {
  std::vector<std::vector<EdgeParts>> nodes;
  std::vector<std::int64_t> concat;
};

/// A flat list of edges, node after node: `edges_per_node` each, or fewer where a node has fewer
/// predecessors. Throws Error if the last node lacks some. `where` is "FILE: normal" or the like.
std::vector<std::vector<EdgeParts>> split_by_node(const std::vector<EdgeParts>& edges,
                                                  std::int64_t edges_per_node,
                                                  const std::string& where);

/// The cell, checked by check_cell().
CellGenotype assemble_cell(const CellParts& parts, const std::string& where);

}  // namespace darts
