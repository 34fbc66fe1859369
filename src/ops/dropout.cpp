#include <darts/ops/skip_dropout.hpp>

#include <ATen/ops/empty.h>

namespace darts {

at::Tensor SkipDropoutImpl::forward(const at::Tensor& x) {
  if (!is_training() || probability_ == 0.0) {
    return x;
  }
  const double kept = 1.0 - probability_;
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.front() = all_rows(x.size(0));
  at::Tensor mask = at::empty(sizes, x.detach().options(), x.suggest_memory_format());
  mask.bernoulli_(kept, next_generator(x.device())).div_(kept);
  return x * own_rows(mask);
}

void set_skip_dropout(torch::nn::Module& network, double probability) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* skip = dynamic_cast<SkipDropoutImpl*>(module.get())) {
      skip->set_probability(probability);
    }
  }
}

}  // namespace darts
