#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

struct DepthwiseConvOptions {
  std::int64_t channels = 16;
  std::int64_t kernel_size = 3;  ///< odd; padding keeps height and width at stride 1
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
};

/// A depthwise k×k convolution without bias: (N, C, H, W) → (N, C, ⌈H/stride⌉, ⌈W/stride⌉),
/// parameter `weight` of C×1×k×k.
///
/// LibTorch's Conv2d but for autocast on the CPU, where a convolution with a dilation stays in
/// float32: LibTorch 2.11's bfloat16 gradient by such a weight (oneDNN, channels-last) reads memory
/// that nothing has written, and is now and then NaN.
class DepthwiseConvImpl : public torch::nn::Conv2dImpl {
 public:
  explicit DepthwiseConvImpl(const DepthwiseConvOptions& depthwise);
  at::Tensor forward(const at::Tensor& x);

  /// Conv2d's own clone() would make a Conv2d.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<at::Device>& device = std::nullopt) const override;

 private:
  DepthwiseConvOptions depthwise_;
};
TORCH_MODULE(DepthwiseConv);

}  // namespace darts
