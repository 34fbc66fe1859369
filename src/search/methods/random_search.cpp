#include <darts/search/methods/random_search.hpp>

#include <ATen/ops/special_log_ndtr.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace darts {
namespace {

/// Edges × columns: of each edge n · ln Φ(alpha), where n operations other than `none` are offered.
/// The largest of n numbers of U(0, 1) has the distribution function xⁿ, so that the strongest
/// operations of all edges are equally likely to be strongest, however many an edge has.
at::Tensor even_strengths(const at::Tensor& alpha, const CellPrimitives& primitives) {
  at::Tensor strengths = at::special_log_ndtr(alpha.to(at::kDouble));
  for (std::int64_t edge = 0; edge < strengths.size(0); ++edge) {
    strengths[edge].mul_(std::ranges::count_if(primitives.of(edge), [](const Primitive& primitive) {
      return primitive.kind() != PrimitiveKind::none;
    }));
  }
  return strengths;
}

}  // namespace

void RandomSearch::initialize(const Theta& theta, std::uint64_t seed, double /*scale*/) const {
  SearchMethod::initialize(theta, seed, alpha_scale);
  const c10::NoGradGuard no_grad;
  for (at::Tensor alpha : theta.tensors()) {
    alpha.div_(alpha_scale);
  }
}

Genotype RandomSearch::derive(const Theta& theta, const SearchSpace& space) const {
  check_finite(theta.alphas());
  const c10::NoGradGuard no_grad;
  const Alphas alphas = theta.detached_to_cpu().alphas();
  return derive_strongest({even_strengths(alphas.normal, space.primitives.normal),
                           even_strengths(alphas.reduce, space.primitives.reduce)},
                          space);
}

Genotype draw_genotype(const SearchSpace& space, std::uint64_t seed) {
  const RandomSearch method;
  Theta theta;
  for (const ThetaShape& shape : method.theta_shapes(space)) {
    theta.add(shape.name, at::zeros(shape.sizes, at::kFloat));  // as supernets have them
  }
  theta.set_missing(missing_columns(space, theta.alphas()));
  method.initialize(theta, seed, alpha_scale);
  return method.derive(theta, space);
}

}  // namespace darts
