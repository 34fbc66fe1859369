#include <darts/search/alphas.hpp>

#include <ATen/ops/log_softmax.h>

namespace darts {

void set_gradients(const Alphas& alphas, const std::vector<at::Tensor>& gradients) {
  alphas.normal.mutable_grad() = gradients.at(0);
  alphas.reduce.mutable_grad() = gradients.at(1);
}

double mean_entropy(const at::Tensor& alpha) {
  const at::Tensor log_weights = at::log_softmax(alpha.detach().to(at::kDouble), -1);
  return -(log_weights.exp() * log_weights).sum(-1).mean().item<double>();
}

}  // namespace darts
