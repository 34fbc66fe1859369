#include <darts/ops/skip_dropout.hpp>

#include <ATen/ops/empty_like.h>

namespace darts {

at::Tensor SkipDropoutImpl::forward(const at::Tensor& x) {
  if (!is_training() || probability_ == 0.0) {
    return x;
  }
  const double kept = 1.0 - probability_;
  const at::Tensor mask =
      at::empty_like(x.detach()).bernoulli_(kept, next_generator(x.device())).div_(kept);
  return x * mask;
}

void set_skip_dropout(torch::nn::Module& network, double probability) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* skip = dynamic_cast<SkipDropoutImpl*>(module.get())) {
      skip->set_probability(probability);
    }
  }
}

}  // namespace darts
