#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

namespace darts {

/// torch::nn::Sequential whose forward() is not a template, so that it fits into an AnyModule and
/// into another Sequential.
class ChainImpl : public torch::nn::SequentialImpl {
 public:
  using SequentialImpl::SequentialImpl;
  at::Tensor forward(const at::Tensor& x) { return SequentialImpl::forward<at::Tensor>(x); }

  /// Sequential's own clone() would make a Sequential, which AnyModule::clone() cannot use.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<at::Device>& device = std::nullopt) const override {
    auto copy = std::make_shared<ChainImpl>();
    for (const torch::nn::AnyModule& module : *this) {
      copy->push_back(module.clone(device));
    }
    return copy;
  }
};
TORCH_MODULE(Chain);

}  // namespace darts
