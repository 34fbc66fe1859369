#pragma once

#include <torch/nn/modules/batchnorm.h>

#include <cstdint>
#include <vector>

namespace darts::norm_block {

/// Mean and 1/√(variance + ε), a value a channel: of a batch, or running.
struct BatchStatistics {
  std::vector<double> mean;
  std::vector<double> rstd;
};

/// Batch statistics from Σ z and Σ z² (one after the other) of `count` values a channel. Moves the
/// running statistics as LibTorch's batch norm does.
BatchStatistics take_statistics(const std::vector<double>& sums, std::int64_t count,
                                torch::nn::BatchNorm2dImpl& norm);

BatchStatistics running_statistics(const torch::nn::BatchNorm2dImpl& norm);

/// The same as scale · z + shift, with the batch norm's own scale and shift.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;
};
Affine affine_of(const BatchStatistics& statistics, const torch::nn::BatchNorm2dImpl& norm);

/// The backward pass of a batch norm, for a gradient g with Σ g and Σ g·z (one after the other):
/// gradients of its scale and shift, and that of z as a·g + b·z + c.
struct NormGradient {
  std::vector<double> weight;
  std::vector<double> bias;
  std::vector<double> a, b, c;
};
NormGradient norm_gradient(const BatchStatistics& statistics, const std::vector<double>& sums,
                           std::int64_t count, const torch::nn::BatchNorm2dImpl& norm);

}  // namespace darts::norm_block
