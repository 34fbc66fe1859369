#include <darts/search/methods/random_search.hpp>

#include <c10/core/GradMode.h>

namespace darts {

void RandomSearch::initialize(const Theta& theta, std::uint64_t seed) const {
  SearchMethod::initialize(theta, seed);
  const c10::NoGradGuard no_grad;
  for (at::Tensor alpha : theta.tensors()) {
    alpha.div_(alpha_scale);
  }
}

}  // namespace darts
