#include <darts/ops/depthwise_conv.hpp>

#include <ATen/autocast_mode.h>
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

DepthwiseConvImpl::DepthwiseConvImpl(const DepthwiseConvOptions& depthwise)
    : Conv2dImpl(conv_options(depthwise)), depthwise_(depthwise) {}

at::Tensor DepthwiseConvImpl::forward(const at::Tensor& x) {
  if (depthwise_.dilation > 1 && under_autocast(x)) {
    const c10::impl::ExcludeDispatchKeyGuard without_autocast(c10::DispatchKey::AutocastCPU);
    return Conv2dImpl::forward(x.to(weight.scalar_type()));
  }
  return Conv2dImpl::forward(x);
}

std::shared_ptr<torch::nn::Module> DepthwiseConvImpl::clone(
    const std::optional<at::Device>& device) const {
  auto copy = std::make_shared<DepthwiseConvImpl>(depthwise_);
  copy->weight.set_data(weight.detach().clone().to(device.value_or(weight.device())));
  copy->train(is_training());
  return copy;
}

}  // namespace darts
