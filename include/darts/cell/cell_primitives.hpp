#pragma once

#include <darts/cell/cell_type.hpp>
#include <darts/ops/primitive.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// Which operations the edges of a cell offer: the same ones on every edge, as in DARTS, or a set
/// of its own on each, as in the spaces S1 to S4 of Zela et al. 2020. An operation's place in its
/// edge's set is its column in the edge's row of alpha; rows are as wide as the longest set.
class CellPrimitives {
 public:
  /// The same on every edge; not explicit, since that is how a space is commonly said.
  CellPrimitives(std::vector<Primitive> everywhere);  // NOLINT(google-explicit-constructor)
  /// `edges[e]`: of edge e (topology.hpp); none may be empty. Throws Error.
  explicit CellPrimitives(std::vector<std::vector<Primitive>> edges);

  /// In the order of the columns.
  const std::vector<Primitive>& of(std::int64_t edge) const;
  /// One set where all edges offer the same, else one for each.
  const std::vector<std::vector<Primitive>>& sets() const { return sets_; }
  bool same_everywhere() const { return everywhere_; }

  /// Of a row of alpha.
  std::int64_t columns() const;

  /// Throws Error unless it fits a cell of `nodes` intermediate nodes.
  void check_nodes(std::int64_t nodes) const;

  friend bool operator==(const CellPrimitives&, const CellPrimitives&) = default;

 private:
  std::vector<std::vector<Primitive>> sets_;
  bool everywhere_ = false;
};

/// From the names of what each edge offers. Throws Error.
CellPrimitives parse_cell_primitives(const std::vector<std::vector<std::string>>& edges);

/// The same on every edge of both types of cell.
ByCellType<CellPrimitives> everywhere(const std::vector<Primitive>& primitives);

}  // namespace darts
