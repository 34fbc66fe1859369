#pragma once

#include <darts/ops/execution.hpp>

#include <torch/nn/modules/linear.h>

namespace darts {

/// x · weightᵀ + bias of samples x (N, in) → (N, out). With the fused execution by our own kernels,
/// forward and backward, so that results do not depend on the number of threads; on the CPU in
/// float32 and float64 without autocast, else as LibTorch has it. `bias` may be undefined.
at::Tensor run_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      Execution execution);

/// The end of a network: the mean of each channel, then `classifier`. (N, C, H, W) → (N, classes).
at::Tensor classify(torch::nn::Linear& classifier, const at::Tensor& features, Execution execution);

}  // namespace darts
