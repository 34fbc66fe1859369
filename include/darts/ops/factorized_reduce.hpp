#pragma once

#include <darts/ops/batch_norm.hpp>
#include <darts/ops/norm_block.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

struct FactorizedReduceOptions {
  std::int64_t in_channels = 16;
  std::int64_t out_channels = 16;
  bool affine = false;
};

/// Halves height and width without losing pixels: ReLU, then two 1×1 convolutions of stride 2, the
/// second on the image shifted by one pixel each way, concatenated, then batch norm. It is
/// `skip_connect` with stride 2 and the preprocessing of the input before a reduction cell.
///
/// (N, in, H, W) → (N, out, ⌈H/2⌉, ⌈W/2⌉). Odd sizes, which the original cannot take, are padded
/// with a row or column of zeros. Parameters `conv_1.weight`, `conv_2.weight`, batch norm `bn`.
class FactorizedReduceImpl : public torch::nn::Cloneable<FactorizedReduceImpl>, public NormBlock {
 public:
  explicit FactorizedReduceImpl(const FactorizedReduceOptions& options);
  void reset() override;
  at::Tensor forward(const at::Tensor& x);
  std::vector<NormUnit> units() const override;

 private:
  FactorizedReduceOptions options_;
  torch::nn::Conv2d conv_1_{nullptr};
  torch::nn::Conv2d conv_2_{nullptr};
  BatchNorm2d bn_{nullptr};
};
TORCH_MODULE(FactorizedReduce);

}  // namespace darts
