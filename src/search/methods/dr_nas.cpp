#include <darts/core/error.hpp>
#include <darts/core/field_table.hpp>
#include <darts/search/edge_weights.hpp>
#include <darts/search/method_draw.hpp>
#include <darts/search/methods/dr_nas.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/methods/partial_channels.hpp>
#include <darts/search/methods/widen.hpp>
#include <darts/search/supernet.hpp>

#include <ATen/ops/_dirichlet_grad.h>
#include <ATen/ops/_sample_dirichlet.h>
#include <ATen/ops/digamma.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/lgamma.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace darts {
namespace {

/// The rows of alpha, without what their edges do not offer.
std::vector<at::Tensor> offered_rows(const at::Tensor& alphas, const at::Tensor& missing) {
  std::vector<at::Tensor> rows;
  for (std::int64_t edge = 0; edge < alphas.size(0); ++edge) {
    const std::int64_t offered =
        alphas.size(1) -
        (missing.defined() ? missing.select(0, edge).sum().item<std::int64_t>() : 0);
    rows.push_back(alphas.select(0, edge).narrow(0, 0, offered).unsqueeze(0));
  }
  return rows;
}

}  // namespace

void DrNas::add_fields(FieldTable& table) {
  table.section("drnas", "The method drnas.");
  table.add("drnas.partial", options_.partial,
            std::string(partial_help) + ", in the first stage; 1: whole channels", between(1, 64));
  table.add("drnas.partial_later", options_.partial_later,
            "the same in the second stage, at most drnas.partial", between(1, 64));
  table.add("drnas.kept", options_.kept, "operations that an edge keeps in the second stage",
            between(1, 64));
  table.add("drnas.frozen_epochs", options_.frozen_epochs,
            "epochs at the start of a stage in which alpha stands still", at_least(0.0));
  table.add("drnas.regulariser", options_.regulariser,
            "l2: alpha.weight_decay alone; kl: the divergence from uniform concentrations, too",
            one_of<Regulariser>({{"l2", Regulariser::l2}, {"kl", Regulariser::kl}}));
  table.add("drnas.weight", options_.weight, "weight of the divergence", at_least(0.0));
}

void DrNas::prepare(SupernetOptions& options, std::int64_t stage) const {
  if (options_.partial_later > options_.partial) {
    throw Error("drnas.partial_later: " + std::to_string(options_.partial_later) +
                " is above drnas.partial, " + std::to_string(options_.partial) +
                "; the second stage sees as many of the channels as the first one, or more");
  }
  part_channels(options, partial(stage), stage == 0 ? "drnas.partial" : "drnas.partial_later");
}

ByCellType<CellPrimitives> DrNas::next_primitives(const Theta& theta,
                                                  const SearchStage& stage) const {
  const c10::NoGradGuard no_grad;
  const Theta on_cpu = theta.detached_to_cpu();
  const auto next = [&](CellType type) {
    return strongest(shares(on_cpu, type).to(at::kDouble).contiguous(),
                     stage.space.primitives.of(type), options_.kept);
  };
  return {next(CellType::normal), next(CellType::reduction)};
}

void DrNas::take_over(const StageEnd& before, const SearchStage& stage, NamedTensors& now,
                      std::uint64_t seed) const {
  take_over_widened(before, stage, now, seed);
}

at::Tensor DrNas::draw(const at::Tensor& concentrations, CellType type,
                       const SearchPosition& position, Moves moves) const {
  return at::_sample_dirichlet(concentrations.to(at::kCPU, at::kDouble),
                               generator_of(position, moves, type))
      .to(concentrations.options());
}

Mixing DrNas::mix(const Theta& theta, CellType type, const SearchPosition& position,
                  Moves moves) const {
  const at::Tensor alphas = theta.of("alphas", type);
  const at::Tensor concentrations = concentrations_of(alphas);
  const at::Tensor sample = draw(concentrations.detach(), type, position, moves);
  const at::Tensor& missing = theta.missing(type);
  const at::Tensor weights = dirichlet_weights(concentrations, sample);
  if (!missing.defined()) {
    return beside_bypass(weights, position.stage);
  }
  // A part of a Dirichlet variable, over its sum, is one of that part's concentrations.
  const at::Tensor offered = weights.masked_fill(missing, 0.0);
  return beside_bypass(offered / offered.sum(-1, /*keepdim=*/true), position.stage);
}

Mixing DrNas::beside_bypass(const at::Tensor& operations, std::int64_t stage) const {
  return partial(stage) > 1
             ? weigh_edges(operations, at::ones({operations.size(0)},
                                                operations.options().requires_grad(false)))
             : operations;
}

at::Tensor DrNas::penalty(const Theta& theta, const SearchPosition& /*position*/) const {
  if (options_.regulariser != Regulariser::kl) {
    return {};
  }
  at::Tensor sum;
  for (const CellType type : cell_types) {
    for (const at::Tensor& row : offered_rows(theta.of("alphas", type), theta.missing(type))) {
      const at::Tensor divergence = dirichlet_divergence(concentrations_of(row));
      sum = sum.defined() ? sum + divergence : divergence;
    }
  }
  return options_.weight * sum;
}

bool DrNas::moves_theta(const SearchPosition& position) const {
  return position.epoch >= options_.frozen_epochs;
}

at::Tensor concentrations_of(const at::Tensor& alphas) { return at::elu(alphas) + 1.0; }

at::Tensor dirichlet_weights(const at::Tensor& concentrations, const at::Tensor& sample) {
  const at::Tensor fixed = concentrations.detach();
  const at::Tensor slope =
      at::_dirichlet_grad(sample, fixed, fixed.sum(-1, /*keepdim=*/true).expand_as(fixed));
  // 0, with the slope of each component by its own concentration; the sum of all stays 1.
  const at::Tensor move = slope * (concentrations - fixed);
  return sample + move - sample * move.sum(-1, /*keepdim=*/true);
}

at::Tensor dirichlet_divergence(const at::Tensor& concentrations) {
  const at::Tensor total = concentrations.sum(-1);
  const double uniform = std::lgamma(static_cast<double>(concentrations.size(-1)));
  const at::Tensor mean_log = at::digamma(concentrations) - at::digamma(total).unsqueeze(-1);
  return (at::lgamma(total) - at::lgamma(concentrations).sum(-1) - uniform +
          ((concentrations - 1.0) * mean_log).sum(-1))
      .sum();
}

}  // namespace darts
