#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

namespace darts {

/// torch::nn::Sequential whose forward() is not a template, so that it fits into an AnyModule and into
/// another Sequential.
class ChainImpl : public torch::nn::SequentialImpl {
 public:
  using SequentialImpl::SequentialImpl;
  at::Tensor forward(const at::Tensor& x) { return SequentialImpl::forward<at::Tensor>(x); }
};
TORCH_MODULE(Chain);

}  // namespace darts
