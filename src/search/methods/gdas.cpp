#include <darts/cell/topology.hpp>
#include <darts/core/field_table.hpp>
#include <darts/search/method_draw.hpp>
#include <darts/search/methods/gdas.hpp>

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>

namespace darts {
namespace {

struct Candidate {
  GenotypeEdge edge;
  double strength;
};

/// All operations but `none` of a node's edges, the strongest first.
std::vector<Candidate> candidates_of(const at::Tensor& strengths, std::int64_t node,
                                     const CellPrimitives& primitives) {
  std::vector<Candidate> candidates;
  for (std::int64_t from = 0; from < predecessors(node); ++from) {
    const std::int64_t row = first_edge(node) + from;
    const double* strength = strengths.const_data_ptr<double>() + row * strengths.size(1);
    for (const Primitive& primitive : primitives.of(row)) {
      if (primitive.kind() != PrimitiveKind::none) {
        candidates.push_back({{primitive, from}, *strength});
      }
      ++strength;
    }
  }
  std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::strength);
  return candidates;
}

}  // namespace

void Gdas::add_fields(FieldTable& table) {
  table.section("gdas", "The method gdas.");
  table.add("gdas.tau_start", options_.tau_start, "temperature in the first epoch",
            greater_than(0.0));
  table.add("gdas.tau_end", options_.tau_end, "temperature in the last epoch", greater_than(0.0));
  table.add(
      "gdas.undrawn", options_.undrawn,
      "weights of operations that were not drawn: coast: weight decay and momentum move them, "
      "as with the PyTorch of its time; stay: nothing does, as with PyTorch 2",
      one_of<Undrawn>({{"coast", Undrawn::coast}, {"stay", Undrawn::stay}}));
}

double Gdas::tau(const SearchPosition& position) const {
  const std::int64_t last = std::max<std::int64_t>(position.epochs - 1, 1);
  return options_.tau_start + (options_.tau_end - options_.tau_start) *
                                  static_cast<double>(position.epoch) / static_cast<double>(last);
}

at::Tensor Gdas::draw(const at::Tensor& like, CellType type, const SearchPosition& position,
                      Moves moves) const {
  return draw_gumbel(like, generator_of(position, moves, type));
}

Mixing Gdas::mix(const Theta& theta, CellType type, const SearchPosition& position,
                 Moves moves) const {
  constexpr double never = -std::numeric_limits<double>::infinity();
  const at::Tensor alpha = theta.of("alphas", type);
  const at::Tensor& missing = theta.missing(type);
  const at::Tensor log_shares =
      at::log_softmax(missing.defined() ? alpha.masked_fill(missing, never) : alpha, -1);
  return hard_gumbel_softmax(log_shares, draw(log_shares, type, position, moves), tau(position));
}

bool Gdas::w_first() const { return true; }

StepRules Gdas::step_rules() const {
  return {options_.undrawn == Undrawn::stay ? Unreached::stay : Unreached::coast,
          /*theta_in_norm=*/true};
}

Genotype Gdas::derive(const Theta& theta, const SearchSpace& space) const {
  const c10::NoGradGuard no_grad;
  Genotype genotype = SearchMethod::derive(theta, space);  // checks
  const Theta on_cpu = theta.detached_to_cpu();
  for (const CellType type : cell_types) {
    CellGenotype& cell = type == CellType::normal ? genotype.normal : genotype.reduce;
    const at::Tensor strengths = this->strengths(on_cpu, type).to(at::kDouble).contiguous();
    for (std::int64_t node = 0; node < space.nodes; ++node) {
      const auto candidates = candidates_of(strengths, node, space.primitives.of(type));
      auto& edges = cell.nodes[static_cast<std::size_t>(node)];
      edges.clear();
      for (const Candidate& candidate : candidates) {
        if (std::ssize(edges) < space.kept_edges(node)) {
          edges.push_back(candidate.edge);
        }
      }
    }
  }
  return genotype;
}

std::vector<MethodFigure> Gdas::figures(const SearchPosition& position) const {
  return {{"tau", tau(position)}};
}

Mixing hard_gumbel_softmax(const at::Tensor& log_shares, const at::Tensor& noise, double tau) {
  const at::Tensor soft = at::softmax((log_shares + noise) / tau, -1);
  const at::Tensor drawn = soft.detach().argmax(-1, /*keepdim=*/true);
  const at::Tensor hard = at::zeros_like(soft.detach()).scatter_(-1, drawn, 1.0);
  return {hard + (soft - soft.detach()), hard.to(at::kCPU).to(at::kBool)};
}

}  // namespace darts
