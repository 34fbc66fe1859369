#include <darts/core/field_table.hpp>
#include <darts/search/methods/beta_darts.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/logsumexp.h>

#include <limits>

namespace darts {

void BetaDarts::add_fields(FieldTable& table) {
  table.section("beta_darts", "The method beta-darts.");
  table.add("beta_darts.weight", options_.weight,
            "weight of its regulariser: so many times the epoch", at_least(0.0));
}

double BetaDarts::lambda(const SearchPosition& position) const {
  return options_.weight * static_cast<double>(position.epoch);
}

at::Tensor BetaDarts::penalty(const Theta& theta, const SearchPosition& position) const {
  return lambda(position) * mean_logsumexp(theta);
}

std::vector<MethodFigure> BetaDarts::figures(const SearchPosition& position) const {
  return {{"lambda", lambda(position)}};
}

at::Tensor mean_logsumexp(const Theta& theta) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  std::vector<at::Tensor> edges;
  for (const CellType type : cell_types) {
    const at::Tensor alpha = theta.of("alphas", type);
    const at::Tensor& missing = theta.missing(type);
    edges.push_back(
        at::logsumexp(missing.defined() ? alpha.masked_fill(missing, never) : alpha, -1));
  }
  return at::cat(edges).mean();
}

}  // namespace darts
