#include <darts/core/field_table.hpp>
#include <darts/search/method_draw.hpp>
#include <darts/search/methods/smooth_darts.hpp>

#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

namespace darts {
namespace {

/// No weight where an edge offers nothing.
at::Tensor project_offered(const at::Tensor& rows, const at::Tensor& missing) {
  return project_rows(missing.defined() ? rows.masked_fill(missing, -1.0) : rows);
}

}  // namespace

std::string SmoothDarts::refusal(SearchOrder order) const {
  return order == SearchOrder::joint
             ? "only w sees the perturbed mixing weights, so that alpha needs a pass of its own"
             : "";
}

void SmoothDarts::add_epsilon_fields(FieldTable& table, const std::string& section) {
  table.add(section + ".epsilon", options_.epsilon,
            "largest change of a mixing weight, that it grows to", between(0.0, 1.0));
  table.add(section + ".epsilon_start", options_.epsilon_start, "the same in the first epoch",
            between(0.0, 1.0));
}

double SmoothDarts::epsilon(const SearchPosition& position) const {
  return options_.epsilon_start + (options_.epsilon - options_.epsilon_start) *
                                      static_cast<double>(position.epoch) /
                                      static_cast<double>(position.epochs);
}

std::vector<MethodFigure> SmoothDarts::figures(const SearchPosition& position) const {
  return {{"epsilon", epsilon(position)}};
}

at::Tensor SmoothDarts::draw(const at::Tensor& like, CellType type,
                             const SearchPosition& position) const {
  return draw_uniform(like, epsilon(position), generator_of(position, Moves::w, type));
}

void SmoothDartsRandom::add_fields(FieldTable& table) {
  table.section("sdarts_rs", "The method sdarts-rs.");
  add_epsilon_fields(table, "sdarts_rs");
}

Mixing SmoothDartsRandom::mix(const Theta& theta, CellType type, const SearchPosition& position,
                              Moves moves) const {
  const at::Tensor weights = shares(theta, type);
  if (moves != Moves::w) {
    return weights;
  }
  const c10::NoGradGuard no_grad;
  return project_offered(weights + draw(weights, type, position), theta.missing(type));
}

void SmoothDartsAdversarial::add_fields(FieldTable& table) {
  table.section("sdarts_adv", "The method sdarts-adv.");
  add_epsilon_fields(table, "sdarts_adv");
}

Mixings SmoothDartsAdversarial::mix_for_w(const Theta& theta, const SearchPosition& position,
                                          const MixingLossOf& loss_of) const {
  const c10::NoGradGuard no_grad;
  const double epsilon = this->epsilon(position);
  const Mixings calm = mix_all(theta, position, Moves::w);
  const at::Tensor before = loss_of(calm).loss;
  Mixings attack = calm;
  for (const CellType type : cell_types) {
    const at::Tensor& weights = calm.of(type).operations;
    attack.of(type) = project_offered(weights + draw(weights, type, position), theta.missing(type));
  }
  for (int step = 0; step < steps; ++step) {
    const MixingLoss at_attack = loss_of(attack);
    for (const CellType type : cell_types) {
      const at::Tensor& weights = calm.of(type).operations;
      const at::Tensor moved =
          attack.of(type).operations + 2.0 * epsilon / steps * at_attack.gradient.of(type).sign();
      attack.of(type) =
          project_offered(at::minimum(at::maximum(moved, weights - epsilon), weights + epsilon),
                          theta.missing(type));
    }
  }
  return loss_of(attack).loss.gt(before).item<bool>() ? attack : calm;
}

at::Tensor project_rows(const at::Tensor& rows) {
  const at::Tensor cut = rows.clamp(0.0, 1.0);
  const at::Tensor empty = cut.sum(-1, /*keepdim=*/true).eq(0.0);
  const at::Tensor largest =
      at::zeros_like(rows).scatter_(-1, rows.argmax(-1, /*keepdim=*/true), 1.0);
  const at::Tensor filled = at::where(empty, largest, cut);
  return filled / filled.sum(-1, /*keepdim=*/true);
}

}  // namespace darts
