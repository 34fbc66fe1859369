#include <darts/cell/topology.hpp>
#include <darts/core/field_table.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/skip_cap.hpp>
#include <darts/search/supernet.hpp>

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace darts {
namespace {

constexpr double fading = 0.2;  // of dropout, an epoch in which alpha moves

std::size_t index(std::int64_t stage) { return static_cast<std::size_t>(stage); }

/// How a cell's genotype is chosen by its strengths.
class Choice {
 public:
  Choice(const at::Tensor& strengths, const SearchSpace& space, const CellPrimitives& primitives)
      : strengths_(strengths.clone()), space_(space), primitives_(primitives) {
    for (std::int64_t edge = 0; edge < strengths_.size(0); ++edge) {
      for (std::size_t p = 0; p < offered(edge).size(); ++p) {
        if (offered(edge)[p].kind() == PrimitiveKind::none) {
          row(edge)[p] = 0.0;
        }
      }
    }
  }

  CellGenotype cell() const {
    CellGenotype cell;
    for (std::int64_t node = 0; node < space_.nodes; ++node) {
      auto& edges = cell.nodes.emplace_back();
      for (const std::int64_t from : kept(node)) {
        const std::int64_t edge = first_edge(node) + from;
        edges.push_back({offered(edge)[best(edge)], from});
      }
      cell.concat.push_back(node + cell_inputs);
    }
    return cell;
  }

 private:
  const std::vector<Primitive>& offered(std::int64_t edge) const { return primitives_.of(edge); }
  double* row(std::int64_t edge) const {
    return strengths_.mutable_data_ptr<double>() + edge * strengths_.size(1);
  }

  /// `none` only where there is nothing else.
  std::size_t best(std::int64_t edge) const {
    std::size_t best = 0;
    for (std::size_t p = 1; p < offered(edge).size(); ++p) {
      const bool first_choice = offered(edge)[best].kind() == PrimitiveKind::none;
      if (offered(edge)[p].kind() != PrimitiveKind::none &&
          (first_choice || row(edge)[p] >= row(edge)[best])) {
        best = p;
      }
    }
    return best;
  }

  /// The predecessors that a node keeps, in ascending order.
  std::vector<std::int64_t> kept(std::int64_t node) const {
    std::vector<std::int64_t> from(static_cast<std::size_t>(predecessors(node)));
    std::iota(from.begin(), from.end(), 0);
    const auto strength = [&](std::int64_t f) {
      const double* values = row(first_edge(node) + f);
      return *std::max_element(values, values + offered(first_edge(node) + f).size());
    };
    std::ranges::stable_sort(from, {}, strength);
    const auto drop = std::max<std::int64_t>(0, std::ssize(from) - space_.kept_edges(node));
    from.erase(from.begin(), from.begin() + drop);
    std::ranges::sort(from);
    return from;
  }

  at::Tensor strengths_;
  const SearchSpace& space_;
  const CellPrimitives& primitives_;
};

}  // namespace

void PDarts::add_fields(FieldTable& table) {
  table.section("p_darts", "The method p-darts.");
  constexpr std::array<const char*, stage_count> names{"first", "second", "third"};
  for (std::size_t stage = 0; stage < stage_count; ++stage) {
    const std::string of_stage = std::string(" of the ") + names[stage] + " stage";
    table.add(std::string("p_darts.more_cells_") + names[stage], options_.more_cells[stage],
              "cells" + of_stage + ", more than space.cells", between(0, 1000));
    table.add(std::string("p_darts.dropout_percent_") + names[stage],
              options_.dropout_percent[stage],
              "dropout of skip connections at the start" + of_stage + ", %", between(0, 99));
  }
  for (std::size_t stage = 0; stage + 1 < stage_count; ++stage) {
    table.add(std::string("p_darts.dropped_") + names[stage], options_.dropped[stage],
              std::string("operations that an edge drops after the ") + names[stage] + " stage",
              between(0, 64));
  }
  table.add("p_darts.frozen_epochs", options_.frozen_epochs,
            "epochs at the start of a stage in which alpha stands still", at_least(0.0));
  table.add("p_darts.clip_norm", options_.clip_norm, "alpha's gradient is scaled down to this norm",
            greater_than(0.0));
  table.add("p_darts.skips", options_.skips,
            "skip connections of the genotype's normal cell, at most", at_least(0.0));
}

void PDarts::prepare(SupernetOptions& options, std::int64_t stage) const {
  options.cells += options_.more_cells[index(stage)];
  options.edge.skip_dropout = options_.dropout_percent[index(stage)] > 0;
}

ByCellType<CellPrimitives> PDarts::next_primitives(const Theta& theta,
                                                   const SearchStage& stage) const {
  const c10::NoGradGuard no_grad;
  const Theta on_cpu = theta.detached_to_cpu();
  const auto next = [&](CellType type) {
    return without_weakest(shares(on_cpu, type).to(at::kDouble).contiguous(),
                           stage.space.primitives.of(type), options_.dropped[index(stage.number)]);
  };
  return {next(CellType::normal), next(CellType::reduction)};
}

void PDarts::start_epoch(torch::nn::Module& supernet, const SearchPosition& position) const {
  set_skip_dropout(supernet, dropout(position));
}

bool PDarts::moves_theta(const SearchPosition& position) const {
  return position.epoch >= options_.frozen_epochs;
}

StepRules PDarts::step_rules() const { return {.theta_clip_norm = options_.clip_norm}; }

double PDarts::dropout(const SearchPosition& position) const {
  const double initial =
      static_cast<double>(options_.dropout_percent[index(position.stage)]) / 100.0;
  const auto epoch = static_cast<double>(position.epoch);
  const auto epochs = static_cast<double>(position.epochs);
  return moves_theta(position)
             ? initial * std::exp(-fading * (epoch - static_cast<double>(options_.frozen_epochs)))
             : initial * (epochs - epoch - 1.0) / epochs;
}

Genotype PDarts::derive(const Theta& theta, const SearchSpace& space) const {
  const c10::NoGradGuard no_grad;
  check_finite(theta.alphas());
  const Theta on_cpu = theta.detached_to_cpu();
  const auto strengths_of = [&](CellType type) {
    return strengths(on_cpu, type).to(at::kDouble).contiguous();
  };
  Genotype genotype;
  genotype.normal =
      derive_capped(strengths_of(CellType::normal), space, space.primitives.normal,
                    std::min(options_.skips, space.most_skips.value_or(options_.skips)));
  genotype.reduce = derive_capped(strengths_of(CellType::reduction), space, space.primitives.reduce,
                                  std::nullopt);
  return genotype;
}

std::vector<MethodFigure> PDarts::figures(const SearchPosition& position) const {
  return {{"stage", static_cast<double>(position.stage + 1), 0}, {"dropout", dropout(position)}};
}

namespace {

/// Of every edge so many of the weakest dropped, as `dropped` says by how many there are.
CellPrimitives drop_weakest(const at::Tensor& strengths, const CellPrimitives& primitives,
                            const std::function<std::int64_t(std::int64_t)>& dropped) {
  std::vector<std::vector<Primitive>> kept;
  for (std::int64_t edge = 0; edge < strengths.size(0); ++edge) {
    const double* row = strengths.const_data_ptr<double>() + edge * strengths.size(1);
    const std::vector<Primitive>& offered = primitives.of(edge);
    std::vector<std::size_t> order(offered.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [row](std::size_t p) { return row[p]; });
    order.erase(order.begin(), order.begin() + dropped(std::ssize(order)));
    std::ranges::sort(order);
    auto& of_edge = kept.emplace_back();
    for (const std::size_t p : order) {
      of_edge.push_back(offered[p]);
    }
  }
  return CellPrimitives(std::move(kept));
}

}  // namespace

CellPrimitives without_weakest(const at::Tensor& strengths, const CellPrimitives& primitives,
                               std::int64_t count) {
  return drop_weakest(strengths, primitives,
                      [count](std::int64_t offered) { return std::min(count, offered - 1); });
}

CellPrimitives strongest(const at::Tensor& strengths, const CellPrimitives& primitives,
                         std::int64_t count) {
  return drop_weakest(strengths, primitives, [count](std::int64_t offered) {
    return std::max<std::int64_t>(0, offered - count);
  });
}

CellGenotype derive_capped(const at::Tensor& strengths, const SearchSpace& space,
                           const CellPrimitives& primitives, std::optional<std::int64_t> skips) {
  return with_capped_skips(strengths, primitives, skips, [&](const at::Tensor& left) {
    return Choice(left, space, primitives).cell();
  });
}

}  // namespace darts
