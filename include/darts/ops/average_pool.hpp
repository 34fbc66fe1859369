#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

/// Means of windows of 3 × 3 pixels, of which those beyond the border do not count: the paper's
/// average pooling.
///
/// Off the CPU the gradient is `average_pool_gradient`, because that of LibTorch 2.11 is wrong on
/// CUDA where the channels come last and there is a border (pytorch/pytorch#188344).
/// @param x  images × channels × height × width
/// @param stride  1 or 2
/// @return images × channels × ⌈height / stride⌉ × ⌈width / stride⌉
at::Tensor average_pool(const at::Tensor& x, std::int64_t stride);

/// The gradient of `average_pool` by x, made of operations that are right on all devices.
/// @param gradient  that by the result of `average_pool`
/// @param height, width  those of x
at::Tensor average_pool_gradient(const at::Tensor& gradient, std::int64_t height,
                                 std::int64_t width, std::int64_t stride);

/// `average_pool` as a module.
class AveragePoolImpl : public torch::nn::Cloneable<AveragePoolImpl> {
 public:
  explicit AveragePoolImpl(std::int64_t stride) : stride_(stride) {}
  void reset() override {}
  at::Tensor forward(const at::Tensor& x) { return average_pool(x, stride_); }

 private:
  std::int64_t stride_;
};
TORCH_MODULE(AveragePool);

}  // namespace darts
