#include "depthwise_function.hpp"

#include <darts/ops/depthwise_conv.hpp>

#include <ATen/autocast_mode.h>
#include <ATen/ops/relu.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace darts {
namespace {

torch::nn::Conv2dOptions conv_options(const DepthwiseConvOptions& o) {
  return torch::nn::Conv2dOptions(o.channels, o.channels, o.kernel_size)
      .stride(o.stride)
      .padding(o.dilation * (o.kernel_size - 1) / 2)
      .dilation(o.dilation)
      .groups(o.channels)
      .bias(false);
}

bool under_autocast(const at::Tensor& x) {
  return x.is_cpu() && at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

ReluDepthwiseConvImpl::ReluDepthwiseConvImpl(const DepthwiseConvOptions& depthwise)
    : Conv2dImpl(conv_options(depthwise)), depthwise_(depthwise) {}

at::Tensor ReluDepthwiseConvImpl::forward(const at::Tensor& x) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == depthwise_.channels,
              "ReluDepthwiseConv: images of shape [N, ", depthwise_.channels,
              ", H, W] expected, got ", x.sizes());
  if (under_autocast(x)) {
    if (depthwise_.dilation == 1) {
      return plain_forward(x);
    }
    const c10::impl::ExcludeDispatchKeyGuard without_autocast(c10::DispatchKey::AutocastCPU);
    return forward(x.to(weight.scalar_type()));
  }
  return detail::has_depthwise_kernel(x, weight)
             ? detail::relu_depthwise(x, weight, {depthwise_.stride, depthwise_.dilation, true})
             : plain_forward(x);
}

at::Tensor ReluDepthwiseConvImpl::plain_forward(const at::Tensor& x) {
  return Conv2dImpl::forward(at::relu(x));
}

std::shared_ptr<torch::nn::Module> ReluDepthwiseConvImpl::clone(
    const std::optional<at::Device>& device) const {
  auto copy = std::make_shared<ReluDepthwiseConvImpl>(depthwise_);
  copy->weight.set_data(weight.detach().clone().to(device.value_or(weight.device())));
  copy->train(is_training());
  return copy;
}

}  // namespace darts
