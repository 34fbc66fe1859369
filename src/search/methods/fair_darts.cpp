#include <darts/cell/topology.hpp>
#include <darts/core/field_table.hpp>
#include <darts/core/text.hpp>
#include <darts/search/methods/fair_darts.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <span>

namespace darts {
namespace {

/// σ(alpha), 0 where an edge offers nothing.
at::Tensor sigmoids(const Theta& theta, CellType type) {
  const at::Tensor sigma = at::sigmoid(theta.of("alphas", type));
  const at::Tensor& missing = theta.missing(type);
  return missing.defined() ? sigma.masked_fill(missing, 0.0) : sigma;
}

/// Of a cell's strengths: float64, on the CPU.
struct Strengths {
  const at::Tensor& values;
  const CellPrimitives& primitives;

  double of(std::int64_t edge, std::size_t column) const {
    return values
        .const_data_ptr<double>()[edge * values.size(1) + static_cast<std::int64_t>(column)];
  }
  double of(std::int64_t node, const GenotypeEdge& edge) const {
    const std::int64_t row = first_edge(node) + edge.from;
    const auto& offered = primitives.of(row);
    return of(row, static_cast<std::size_t>(std::ranges::find(offered, edge.operation) -
                                            offered.begin()));
  }
};

void drop_weak(CellGenotype& cell, const Strengths& strengths, double threshold) {
  for (std::size_t node = 0; node < cell.nodes.size(); ++node) {
    std::erase_if(cell.nodes[node], [&](const GenotypeEdge& edge) {
      return strengths.of(static_cast<std::int64_t>(node), edge) < threshold;
    });
  }
}

/// Of every edge the two strongest that reach the threshold, the weaker one first.
CellGenotype strong_of_each_edge(const Strengths& strengths, double threshold, std::int64_t nodes) {
  constexpr std::size_t most = 2;
  CellGenotype cell;
  for (std::int64_t node = 0; node < nodes; ++node) {
    auto& edges = cell.nodes.emplace_back();
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      const std::int64_t row = first_edge(node) + from;
      std::vector<std::pair<double, std::size_t>> strong;
      for (std::size_t p = 0; p < strengths.primitives.of(row).size(); ++p) {
        const bool candidate = strengths.primitives.of(row)[p].kind() != PrimitiveKind::none;
        if (candidate && strengths.of(row, p) >= threshold) {
          strong.emplace_back(strengths.of(row, p), p);
        }
      }
      std::ranges::stable_sort(strong, {}, &std::pair<double, std::size_t>::first);
      const std::size_t weak = strong.size() - std::min(most, strong.size());
      for (const auto& [strength, p] : std::span(strong).subspan(weak)) {
        edges.push_back({strengths.primitives.of(row)[p], from});
      }
    }
    cell.concat.push_back(node + cell_inputs);
  }
  return cell;
}

/// Takes out the nodes without edges, and what reads them alone.
void leave_out_empty_nodes(CellGenotype& cell) {
  std::vector<std::int64_t> concat;
  for (std::size_t node = 0; node < cell.nodes.size(); ++node) {
    std::erase_if(cell.nodes[node], [&](const GenotypeEdge& edge) {
      return edge.from >= cell_inputs &&
             cell.nodes[static_cast<std::size_t>(edge.from - cell_inputs)].empty();
    });
    if (!cell.nodes[node].empty()) {
      concat.push_back(static_cast<std::int64_t>(node) + cell_inputs);
    }
  }
  cell.concat = std::move(concat);
}

}  // namespace

void FairDarts::add_fields(FieldTable& table) {
  table.section("fair_darts", "The method fair-darts.");
  table.add("fair_darts.weight", options_.weight, "weight of the zero-one loss", at_least(0.0));
  table.add("fair_darts.zero_one", options_.zero_one,
            "its form: l2: −mean (σ − ½)²; l1: −mean |σ − ½|",
            one_of<ZeroOne>({{"l2", ZeroOne::l2}, {"l1", ZeroOne::l1}}));
  table.add("fair_darts.threshold", options_.threshold,
            "sigmoid that an operation needs to come into the genotype", between(0.0, 1.0));
  table.add("fair_darts.derivation", options_.derivation,
            "threshold_sparse: of DARTS' choice those that reach the threshold; threshold_edge: of "
            "every edge the two strongest that do; darts: DARTS' choice",
            one_of<Derivation>({{"threshold_sparse", Derivation::sparse},
                                {"threshold_edge", Derivation::edge},
                                {"darts", Derivation::darts}}));
}

Mixing FairDarts::mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
                      Moves /*moves*/) const {
  return sigmoids(theta, type);
}

at::Tensor FairDarts::penalty(const Theta& theta, const SearchPosition& /*position*/) const {
  return options_.weight * zero_one_loss(theta, options_.zero_one);
}

at::Tensor FairDarts::strengths(const Theta& theta, CellType type) const {
  return sigmoids(theta, type);
}

Genotype FairDarts::derive_raw(const Theta& theta, const SearchSpace& space) const {
  const c10::NoGradGuard no_grad;
  Genotype genotype = SearchMethod::derive(theta, space);
  const Theta on_cpu = theta.detached_to_cpu();
  for (const CellType type : cell_types) {
    CellGenotype& cell = type == CellType::normal ? genotype.normal : genotype.reduce;
    const at::Tensor values = strengths(on_cpu, type).to(at::kDouble).contiguous();
    const Strengths of_cell{values, space.primitives.of(type)};
    if (options_.derivation == Derivation::edge) {
      cell = strong_of_each_edge(of_cell, options_.threshold, space.nodes);
    } else if (options_.derivation == Derivation::sparse) {
      drop_weak(cell, of_cell, options_.threshold);
    }
  }
  return genotype;
}

Genotype FairDarts::derive(const Theta& theta, const SearchSpace& space) const {
  Genotype genotype = derive_raw(theta, space);
  for (CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    leave_out_empty_nodes(*cell);
    if (cell->concat.empty()) {
      throw NoGenotypeError(std::string("no operation of the ") +
                            (cell == &genotype.normal ? "normal" : "reduction") +
                            " cell has a sigmoid of fair_darts.threshold " +
                            format_fixed(options_.threshold, 2) +
                            " or more; a lower one would keep some");
    }
  }
  return genotype;
}

at::Tensor zero_one_loss(const Theta& theta, FairDarts::ZeroOne kind) {
  std::vector<at::Tensor> all;
  for (const CellType type : cell_types) {
    const at::Tensor sigma = at::sigmoid(theta.of("alphas", type));
    const at::Tensor& missing = theta.missing(type);
    all.push_back(missing.defined() ? sigma.masked_select(missing.logical_not()) : sigma.flatten());
  }
  const at::Tensor distance = at::cat(all) - 0.5;
  return -(kind == FairDarts::ZeroOne::l2 ? distance.square() : distance.abs()).mean();
}

}  // namespace darts
