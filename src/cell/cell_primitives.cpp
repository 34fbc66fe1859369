#include <darts/cell/cell_primitives.hpp>
#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>

#include <algorithm>
#include <iterator>
#include <string>

namespace darts {

CellPrimitives::CellPrimitives(std::vector<Primitive> everywhere)
    : sets_{std::move(everywhere)}, everywhere_(true) {}

CellPrimitives::CellPrimitives(std::vector<std::vector<Primitive>> edges)
    : sets_(std::move(edges)) {
  const auto empty = std::ranges::find_if(sets_, &std::vector<Primitive>::empty);
  if (empty != sets_.end() || sets_.empty()) {
    throw Error("edge " + std::to_string(empty - sets_.begin()) + " offers no operation");
  }
}

const std::vector<Primitive>& CellPrimitives::of(std::int64_t edge) const {
  return sets_.at(everywhere_ ? 0 : static_cast<std::size_t>(edge));
}

std::int64_t CellPrimitives::columns() const {
  return std::ssize(*std::ranges::max_element(sets_, {}, &std::vector<Primitive>::size));
}

void CellPrimitives::check_nodes(std::int64_t nodes) const {
  if (!everywhere_ && std::ssize(sets_) != edge_count(nodes)) {
    throw Error("a cell of " + std::to_string(nodes) + " nodes has " +
                std::to_string(edge_count(nodes)) + " edges; operations are given for " +
                std::to_string(sets_.size()));
  }
}

CellPrimitives parse_cell_primitives(const std::vector<std::vector<std::string>>& edges) {
  std::vector<std::vector<Primitive>> sets;
  sets.reserve(edges.size());
  std::ranges::transform(edges, std::back_inserter(sets), parse_primitives);
  return CellPrimitives(std::move(sets));
}

ByCellType<CellPrimitives> everywhere(const std::vector<Primitive>& primitives) {
  return {primitives, primitives};
}

}  // namespace darts
