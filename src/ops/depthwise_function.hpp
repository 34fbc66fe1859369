#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace darts::detail {

struct DepthwiseGeometry {
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  bool relu = true;
};

/// Whether relu_depthwise() takes these: float32 or float64 on the CPU, kernel 3, 5 or 7.
bool has_depthwise_kernel(const at::Tensor& x, const at::Tensor& weight);

/// Depthwise convolution of relu(x) (x, without relu) by our own kernels, differentiable. x: (N, C,
/// H, W); weight: C×1×k×k. Keeps x alone for the backward pass, where LibTorch would keep relu(x)
/// as well. Results do not depend on the number of threads.
at::Tensor relu_depthwise(const at::Tensor& x, const at::Tensor& weight,
                          const DepthwiseGeometry& geometry);

}  // namespace darts::detail
