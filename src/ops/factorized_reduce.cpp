#include <darts/ops/factorized_reduce.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/relu.h>

namespace darts {

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
      "bn", torch::nn::BatchNorm2d(
                torch::nn::BatchNorm2dOptions(options_.out_channels).affine(options_.affine)));
}

at::Tensor FactorizedReduceImpl::forward(const at::Tensor& x) {
  at::Tensor y = at::relu(x);
  const std::int64_t odd_height = y.size(2) % 2;
  const std::int64_t odd_width = y.size(3) % 2;
  if (odd_height + odd_width > 0) {
    y = at::constant_pad_nd(y, {0, odd_width, 0, odd_height});
  }
  const at::Tensor shifted = y.slice(2, 1).slice(3, 1);
  return bn_->forward(at::cat({conv_1_->forward(y), conv_2_->forward(shifted)}, 1));
}

}  // namespace darts
