#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/search/deriver.hpp>
#include <darts/search/skip_cap.hpp>

#include <ATen/ops/isfinite.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

namespace darts {
namespace {

/// The strongest operation of one edge.
struct Candidate {
  GenotypeEdge edge;
  double strength;
};

void check_finite(const at::Tensor& tensor, const char* cell) {
  if (!at::isfinite(tensor).all().item<bool>()) {
    throw Error(
        c10::str("alphas of the ", cell, " cell are not all finite: no cell can be derived"));
  }
}

void check(const at::Tensor& strengths, const CellPrimitives& primitives, const char* cell) {
  const std::int64_t columns = primitives.columns();
  if (strengths.dim() != 2 || strengths.size(1) != columns) {
    throw Error(c10::str("alphas of the ", cell, " cell: ", columns,
                         " columns expected, one for each primitive, got shape ",
                         strengths.sizes()));
  }
  check_finite(strengths, cell);
}

/// Nothing where the edge offers `none` alone.
std::optional<Candidate> strongest(const double* strengths, std::int64_t from,
                                   const std::vector<Primitive>& primitives) {
  const Primitive* best = nullptr;
  double strength = 0.0;
  for (std::size_t p = 0; p < primitives.size(); ++p) {
    const bool candidate = primitives[p].kind() != PrimitiveKind::none;
    if (candidate && (best == nullptr || strengths[p] > strength)) {
      best = &primitives[p];
      strength = strengths[p];
    }
  }
  return best == nullptr ? std::nullopt : std::optional(Candidate{{*best, from}, strength});
}

/// `rows`: strengths in float64 on the CPU.
CellGenotype choose(const at::Tensor& rows, const SearchSpace& space,
                    const CellPrimitives& primitives, const char* cell) {
  const double* row = rows.const_data_ptr<double>();
  CellGenotype genotype;
  std::int64_t node = 0;
  for (; edge_count(node + 1) <= rows.size(0); ++node) {
    std::vector<Candidate> candidates;
    for (std::int64_t from = 0; from < predecessors(node); ++from, row += rows.size(1)) {
      if (const auto found = strongest(row, from, primitives.of(first_edge(node) + from))) {
        candidates.push_back(*found);
      }
    }
    if (candidates.empty()) {
      throw Error(c10::str("the edges of node ", node, " of the ", cell,
                           " cell offer no operation but none: no cell can be derived"));
    }
    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::strength);
    auto& edges = genotype.nodes.emplace_back();
    for (const Candidate& candidate : candidates) {
      if (std::ssize(edges) < space.kept_edges(node)) {
        edges.push_back(candidate.edge);
      }
    }
    genotype.concat.push_back(node + cell_inputs);
  }
  if (edge_count(node) != rows.size(0) || node == 0) {
    throw Error(c10::str("alphas of the ", cell, " cell: ", rows.size(0),
                         " edges are not those of a whole number of nodes (2, 5, 9, 14, …)"));
  }
  return genotype;
}

CellGenotype derive_cell(const at::Tensor& strengths, const SearchSpace& space, CellType type) {
  const char* cell = type == CellType::normal ? "normal" : "reduction";
  const CellPrimitives& primitives = space.primitives.of(type);
  check(strengths, primitives, cell);
  const at::Tensor rows = strengths.detach().cpu().to(at::kDouble).contiguous();
  return with_capped_skips(
      rows, primitives, type == CellType::normal ? space.most_skips : std::nullopt,
      [&](const at::Tensor& left) { return choose(left, space, primitives, cell); });
}

}  // namespace

Genotype derive_strongest(const ByCellType<at::Tensor>& strengths, const SearchSpace& space) {
  Genotype genotype;
  genotype.normal = derive_cell(strengths.normal, space, CellType::normal);
  genotype.reduce = derive_cell(strengths.reduce, space, CellType::reduction);
  check_cell(genotype.normal, "the derived genotype: normal");
  check_cell(genotype.reduce, "the derived genotype: reduce");
  return genotype;
}

void check_finite(const Alphas& alphas) {
  check_finite(alphas.normal, "normal");
  check_finite(alphas.reduce, "reduction");
}

}  // namespace darts
