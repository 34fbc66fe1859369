#include <darts/ops/factorized_reduce.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>

namespace darts {
namespace {

/// Fewer input channels than this, and LibTorch 2.11's gradient of a 1×1 convolution's weights at
/// stride 2 writes past their end on the CPU (oneDNN, channels last, images over 44 pixels wide).
constexpr std::int64_t fewest_channels_to_stride = 16;

/// What `conv` makes of `x`. Its stride may be taken before it: every other pixel is all it reads.
at::Tensor convolve(torch::nn::Conv2d& conv, const at::Tensor& x) {
  if (x.is_cpu() && x.size(1) < fewest_channels_to_stride) {
    const at::Tensor read = x.slice(2, 0, std::nullopt, 2).slice(3, 0, std::nullopt, 2);
    return at::conv2d(read, conv->weight);
  }
  return conv->forward(x);
}

}  // namespace

FactorizedReduceImpl::FactorizedReduceImpl(const FactorizedReduceOptions& options)
    : options_(options) {
  reset();
}

void FactorizedReduceImpl::reset() {
  const auto half = [this](std::int64_t out) {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(options_.in_channels, out, 1).stride(2).bias(false));
  };
  const std::int64_t first = options_.out_channels / 2;
  TORCH_CHECK(first > 0, "FactorizedReduce needs at least 2 output channels, got ",
              options_.out_channels);
  conv_1_ = register_module("conv_1", half(first));
  conv_2_ = register_module("conv_2", half(options_.out_channels - first));
  bn_ = register_module(
      "bn",
      BatchNorm2d(torch::nn::BatchNorm2dOptions(options_.out_channels).affine(options_.affine)));
}

at::Tensor FactorizedReduceImpl::forward(const at::Tensor& x) {
  at::Tensor y = at::relu(x);
  const std::int64_t odd_height = y.size(2) % 2;
  const std::int64_t odd_width = y.size(3) % 2;
  if (odd_height + odd_width > 0) {
    y = at::constant_pad_nd(y, {0, odd_width, 0, odd_height});
  }
  const at::Tensor shifted = y.slice(2, 1).slice(3, 1);
  return bn_->forward(at::cat({convolve(conv_1_, y), convolve(conv_2_, shifted)}, 1));
}

std::vector<NormUnit> FactorizedReduceImpl::units() const {
  return {{{}, {conv_1_->weight, conv_2_->weight}, bn_.ptr(), /*stride=*/2}};
}

}  // namespace darts
