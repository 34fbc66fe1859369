#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace darts {

/// ReLU (or none) → depthwise convolution (or none) → pointwise convolution → batch norm, as parts
/// of modules.
struct NormUnit {
  at::Tensor depthwise;  ///< C×1×k×k; undefined: none
  /// One weight of (out, in, 1, 1); or two, of a factorized reduce (stride 2): the second sees the
  /// image shifted by a pixel each way, and makes the channels after those of the first.
  std::vector<at::Tensor> pointwise;
  std::shared_ptr<torch::nn::BatchNorm2dImpl> norm;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  /// A dense convolution, with padding that keeps the size, is a pointwise one of a window of
  /// window × window pixels (odd): its weight is then (out, window · window · in, 1, 1), in the
  /// order of rows, pixels, channels.
  std::int64_t window = 1;
  bool relu = true;  ///< always with a depthwise convolution
};

/// An operation that is a chain of such units, and may be run as one.
class NormBlock {
 public:
  virtual ~NormBlock() = default;
  /// Empty if it cannot be run as one.
  virtual std::vector<NormUnit> units() const = 0;
};

/// What is done to a block's output in the same go.
struct NormBlockOutput {
  at::Tensor drop_path;  ///< a factor an image (N); undefined: 1
  at::Tensor addend;     ///< of the output's shape; undefined: 0
};

/// addend + drop_path · block(x) by our own kernels, all operations of the block at once: the same
/// as its forward() but for rounding, running statistics included. Keeps for the backward pass x
/// and what goes into each batch norm. Results do not depend on the number of threads. Second
/// derivatives are for the plain way.
///
/// On the CPU in float32 and float64, without autocast, and in evaluation mode without gradients
/// alone. std::nullopt: use the plain way.
std::optional<at::Tensor> run_fused(const NormBlock& block, const at::Tensor& x,
                                    const NormBlockOutput& output = {});

}  // namespace darts
