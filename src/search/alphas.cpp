#include <darts/search/alphas.hpp>

#include <ATen/ops/log_softmax.h>

namespace darts {

double mean_entropy(const at::Tensor& alpha) {
  const at::Tensor log_weights = at::log_softmax(alpha.detach().to(at::kDouble), -1);
  return -(log_weights.exp() * log_weights).sum(-1).mean().item<double>();
}

}  // namespace darts
