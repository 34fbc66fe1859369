#pragma once

#include <darts/cell/genotype.hpp>

#include <string>
#include <utility>
#include <vector>

namespace darts {

/// A cell as the files write it: a flat list of (operation, from), not yet checked.
struct CellParts {
  std::vector<std::pair<std::string, std::int64_t>> edges;
  std::vector<std::int64_t> concat;
};

/// Checks a cell and sorts its edges by node. `where` is "FILE: normal" or "FILE: reduce".
CellGenotype assemble_cell(const CellParts& parts, std::int64_t edges_per_node,
                           const std::string& where);

}  // namespace darts
