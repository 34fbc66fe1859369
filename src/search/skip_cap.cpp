#include <darts/cell/topology.hpp>
#include <darts/search/skip_cap.hpp>

#include <limits>

namespace darts {
namespace {

constexpr double weakened = std::numeric_limits<double>::lowest();

/// Weakens the cell's weakest skip connection; false: all of them are.
bool weaken_skip(const at::Tensor& strengths, const CellPrimitives& primitives,
                 const CellGenotype& cell) {
  double* weakest = nullptr;
  for (std::size_t node = 0; node < cell.nodes.size(); ++node) {
    for (const GenotypeEdge& chosen : cell.nodes[node]) {
      const std::int64_t edge = first_edge(static_cast<std::int64_t>(node)) + chosen.from;
      const std::vector<Primitive>& offered = primitives.of(edge);
      double* row = strengths.mutable_data_ptr<double>() + edge * strengths.size(1);
      for (std::size_t p = 0; p < offered.size(); ++p) {
        const bool is_this = offered[p] == chosen.operation;
        if (is_this && offered[p].kind() == PrimitiveKind::skip && row[p] > weakened &&
            (weakest == nullptr || row[p] < *weakest)) {
          weakest = row + p;
        }
      }
    }
  }
  if (weakest != nullptr) {
    *weakest = weakened;
  }
  return weakest != nullptr;
}

}  // namespace

CellGenotype with_capped_skips(
    const at::Tensor& strengths, const CellPrimitives& primitives, std::optional<std::int64_t> most,
    const std::function<CellGenotype(const at::Tensor& strengths)>& choose) {
  CellGenotype cell = choose(strengths);
  if (!most) {
    return cell;
  }
  const at::Tensor left = strengths.clone();
  while (count_skip_connections(cell) > *most && weaken_skip(left, primitives, cell)) {
    cell = choose(left);
  }
  return cell;
}

}  // namespace darts
