#include <darts/cell/topology.hpp>
#include <darts/core/error.hpp>
#include <darts/search/deriver.hpp>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/softmax.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

namespace darts {
namespace {

/// The strongest operation of one edge.
struct Candidate {
  GenotypeEdge edge;
  double strength;
};

void check(const at::Tensor& alpha, const DeriverOptions& options, const char* cell) {
  const auto columns = static_cast<std::int64_t>(options.primitives.size());
  if (alpha.dim() != 2 || alpha.size(1) != columns) {
    throw Error(c10::str("alphas of the ", cell, " cell: ", columns,
                         " columns expected, one for each primitive, got shape ", alpha.sizes()));
  }
  if (!at::isfinite(alpha).all().item<bool>()) {
    throw Error(
        c10::str("alphas of the ", cell, " cell are not all finite: no cell can be derived"));
  }
}

Candidate strongest(const double* weights, std::int64_t from,
                    const std::vector<Primitive>& primitives) {
  const Primitive* best = nullptr;
  double strength = 0.0;
  for (std::size_t p = 0; p < primitives.size(); ++p) {
    const bool candidate = primitives[p].kind() != PrimitiveKind::none;
    if (candidate && (best == nullptr || weights[p] > strength)) {
      best = &primitives[p];
      strength = weights[p];
    }
  }
  if (best == nullptr) {
    throw Error("the search space has no operation but none: no cell can be derived");
  }
  return {{*best, from}, strength};
}

CellGenotype derive_cell(const at::Tensor& alpha, const DeriverOptions& options, const char* cell) {
  check(alpha, options, cell);
  // In alpha's own precision, as the original, so that rounding ties fall the same way.
  const at::Tensor weights = at::softmax(alpha.detach().cpu(), -1).to(at::kDouble).contiguous();
  const double* row = weights.const_data_ptr<double>();
  CellGenotype genotype;
  std::int64_t node = 0;
  for (; edge_count(node + 1) <= weights.size(0); ++node) {
    std::vector<Candidate> candidates;
    for (std::int64_t from = 0; from < predecessors(node); ++from, row += weights.size(1)) {
      candidates.push_back(strongest(row, from, options.primitives));
    }
    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::strength);
    auto& edges = genotype.nodes.emplace_back();
    for (const Candidate& candidate : candidates) {
      if (std::ssize(edges) < options.edges_per_node) {
        edges.push_back(candidate.edge);
      }
    }
    genotype.concat.push_back(node + cell_inputs);
  }
  if (edge_count(node) != weights.size(0) || node == 0) {
    throw Error(c10::str("alphas of the ", cell, " cell: ", weights.size(0),
                         " edges are not those of a whole number of nodes (2, 5, 9, 14, …)"));
  }
  return genotype;
}

}  // namespace

Genotype derive(const Alphas& alphas, const DeriverOptions& options) {
  Genotype genotype;
  genotype.normal = derive_cell(alphas.normal, options, "normal");
  genotype.reduce = derive_cell(alphas.reduce, options, "reduction");
  check_cell(genotype.normal, "the derived genotype: normal");
  check_cell(genotype.reduce, "the derived genotype: reduce");
  return genotype;
}

}  // namespace darts
