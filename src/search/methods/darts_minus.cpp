#include <darts/core/field_table.hpp>
#include <darts/search/methods/darts_minus.hpp>
#include <darts/search/supernet.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace darts {

void DartsMinus::add_fields(FieldTable& table) {
  table.section("darts_minus", "The method darts-.");
  table.add("darts_minus.beta", options_.beta,
            "weight of the auxiliary skip connection at the start", at_least(0.0));
  table.add("darts_minus.decay", options_.decay, "how it falls",
            one_of<Decay>({{"none", Decay::none},
                           {"linear", Decay::linear},
                           {"cosine", Decay::cosine},
                           {"slow_cosine", Decay::slow_cosine}}));
  table.add("darts_minus.decay_from", options_.decay_from, "epoch from which it falls",
            at_least(0.0));
  table.add("darts_minus.decay_until", options_.decay_until,
            "epoch until which it falls; -1: the last", at_least(-1.0));
  table.add("darts_minus.auxiliary", options_.auxiliary,
            "skip: the input itself; convolution: a 1×1 convolution that begins as the identity",
            one_of<AuxiliarySkip>(
                {{"skip", AuxiliarySkip::skip}, {"convolution", AuxiliarySkip::convolution}}));
}

void DartsMinus::prepare(SupernetOptions& options, std::int64_t /*stage*/) const {
  options.edge.auxiliary = options_.auxiliary;
}

/// The cosines fall as if the epochs before decay_from had counted, over as many as lie after it:
/// so does the authors' scheduler.
double DartsMinus::beta(const SearchPosition& position) const {
  const std::int64_t until = options_.decay_until < 0 ? position.epochs : options_.decay_until;
  const std::int64_t epoch = std::min(position.epoch, until);
  if (options_.decay == Decay::none || epoch < options_.decay_from) {
    return options_.beta;
  }
  const auto length =
      static_cast<double>(std::max<std::int64_t>(position.epochs - options_.decay_from, 1));
  const double turn = std::numbers::pi * static_cast<double>(epoch) / length;
  switch (options_.decay) {
    case Decay::linear:
      return options_.beta * (1.0 - static_cast<double>(epoch - options_.decay_from) / length);
    case Decay::cosine:
      return options_.beta * (1.0 + std::cos(turn)) / 2.0;
    case Decay::slow_cosine:
      return options_.beta * std::cos(turn / 2.0);
    case Decay::none:
      break;
  }
  return options_.beta;
}

Mixing DartsMinus::mix(const Theta& theta, CellType type, const SearchPosition& position,
                       Moves /*moves*/) const {
  const at::Tensor operations = shares(theta, type);
  return at::cat({operations, at::full({operations.size(0), 1}, beta(position),
                                       operations.options().requires_grad(false))},
                 1);
}

std::vector<MethodFigure> DartsMinus::figures(const SearchPosition& position) const {
  return {{"beta", beta(position)}};
}

}  // namespace darts
