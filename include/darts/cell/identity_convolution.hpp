#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

/// A 1×1 convolution that begins as the identity: (N, C, H, W) → (N, C, H, W), parameter `weight`.
/// initialize_weights() leaves it so.
class IdentityConvolutionImpl : public torch::nn::Cloneable<IdentityConvolutionImpl> {
 public:
  explicit IdentityConvolutionImpl(std::int64_t channels) : channels_(channels) { reset(); }
  void reset() override;
  at::Tensor forward(const at::Tensor& x);

 private:
  std::int64_t channels_;
  at::Tensor weight_;
};
TORCH_MODULE(IdentityConvolution);

}  // namespace darts
