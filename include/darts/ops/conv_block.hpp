#pragma once

#include <darts/ops/chain.hpp>
#include <darts/ops/norm_block.hpp>
#include <darts/ops/operation.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

namespace darts {

/// Options of the operations below. `kernel_size` is odd; padding keeps height and width at
/// stride 1.
struct ConvBlockOptions {
  std::int64_t in_channels = 16;
  std::int64_t out_channels = 16;
  std::int64_t kernel_size = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  bool affine = false;
};

/// ReLU → convolution → batch norm: the 1×1 preprocessing of a cell's inputs.
/// (N, in, H, W) → (N, out, ⌈H/stride⌉, ⌈W/stride⌉). Parameters `op.1.weight`, batch norm `op.2`.
class ReluConvBnImpl : public torch::nn::Cloneable<ReluConvBnImpl>, public NormBlock {
 public:
  explicit ReluConvBnImpl(const ConvBlockOptions& options);
  void reset() override;
  at::Tensor forward(const at::Tensor& x);
  std::vector<NormUnit> units() const override;

 private:
  ConvBlockOptions options_;
  torch::nn::Sequential op_{nullptr};
};
TORCH_MODULE(ReluConvBn);

/// Dilated separable convolution: ReLU → depthwise k×k, dilated → pointwise 1×1 → batch norm
/// (`dil_conv_3x3`, `dil_conv_5x5`; applied once, paper section 3.1).
/// Parameters `op.1.weight` (depthwise), `op.2.weight` (pointwise), batch norm `op.3`.
class DilConvImpl : public torch::nn::Cloneable<DilConvImpl>, public NormBlock {
 public:
  explicit DilConvImpl(const ConvBlockOptions& options);
  void reset() override;
  at::Tensor forward(const at::Tensor& x);
  std::vector<NormUnit> units() const override;

 private:
  ConvBlockOptions options_;
  torch::nn::Sequential op_{nullptr};
};
TORCH_MODULE(DilConv);

/// Separable convolution, applied twice (paper section 3.1): twice ReLU → depthwise k×k → pointwise
/// 1×1 → batch norm; only the first depthwise convolution has the stride.
/// Parameters `op.1`, `op.2`, batch norm `op.3`, then `op.5`, `op.6`, batch norm `op.7`.
class SepConvImpl : public torch::nn::Cloneable<SepConvImpl>, public NormBlock {
 public:
  explicit SepConvImpl(const ConvBlockOptions& options);
  void reset() override;
  at::Tensor forward(const at::Tensor& x);
  std::vector<NormUnit> units() const override;

 private:
  ConvBlockOptions options_;
  torch::nn::Sequential op_{nullptr};
};
TORCH_MODULE(SepConv);

/// ReLU → 1×7 → 7×1 convolution → batch norm, the `conv_7x1_1x7` of NASNet's space.
Chain make_conv_7x1_1x7(const OperationOptions& options);

}  // namespace darts
