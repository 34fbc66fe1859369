#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

/// `none`: the absence of an edge. (N, C, H, W) → zeros of (N, C, ⌈H/stride⌉, ⌈W/stride⌉).
class ZeroImpl : public torch::nn::Cloneable<ZeroImpl> {
 public:
  explicit ZeroImpl(std::int64_t stride) : stride_(stride) {}
  void reset() override {}
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t stride_;
};
TORCH_MODULE(Zero);

}  // namespace darts
