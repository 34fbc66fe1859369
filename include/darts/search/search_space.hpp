#pragma once

#include <darts/cell/cell_primitives.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace darts {

/// Which operations a search chooses from, and what of them a genotype keeps.
struct SearchSpace {
  ByCellType<CellPrimitives> primitives = everywhere(default_primitives());
  std::int64_t nodes = 4;  ///< intermediate nodes of a cell
  /// Edges that a node keeps (paper, section 2.4): one number for all nodes, or one for each.
  std::vector<std::int64_t> edges_per_node{2};
  /// Skip connections that the genotype's normal cell may have; nothing: any number.
  std::optional<std::int64_t> most_skips = {};

  std::int64_t kept_edges(std::int64_t node) const;

  friend bool operator==(const SearchSpace&, const SearchSpace&) = default;
};

/// Throws Error unless sets and numbers fit the nodes, and every node has an edge that offers an
/// operation other than `none`, so that a cell can be derived.
void check_space(const SearchSpace& space);

/// One row of the table of published search spaces.
struct SearchSpaceRow {
  std::string_view name;
  std::string_view help;
  ByCellType<CellPrimitives> (*primitives)();
};

std::span<const SearchSpaceRow> search_spaces();

/// The row of that name; throws Error, naming those there are.
const SearchSpaceRow& find_space(std::string_view name);

/// Mean over the edges of both types of cell of ln(operations that an edge offers): the entropy of
/// an undecided search, nats.
double undecided_entropy(const SearchSpace& space);

/// edges × columns, bool: where the row of an edge goes on after the last operation that it offers.
/// Undefined where no row does.
at::Tensor missing_columns(const CellPrimitives& primitives, std::int64_t edges);

/// softmax over each row, 0 where `missing` (as of missing_columns()).
at::Tensor offered_softmax(const at::Tensor& x, const at::Tensor& missing);

}  // namespace darts
