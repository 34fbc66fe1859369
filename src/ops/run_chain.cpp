#include <darts/ops/linear.hpp>
#include <darts/ops/norm_block.hpp>
#include <darts/ops/run_chain.hpp>

#include <ATen/ops/im2col.h>
#include <ATen/ops/relu.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>

namespace darts {
namespace {

using torch::nn::BatchNorm2dImpl;
using torch::nn::Conv2dImpl;

/// How a convolution can be a pointwise one, if at all.
enum class Reading {
  none,     ///< not
  window,   ///< of the window around a pixel, which the kernels take
  patches,  ///< of patches that lie within the image, which are taken before
};

Reading reading_of(const Conv2dImpl& conv) {
  const auto& o = conv.options;
  const std::int64_t size = o.kernel_size()->at(0);
  const auto all = [](const auto& values, std::int64_t value) {
    return values->at(0) == value && values->at(1) == value;
  };
  const auto* const padding = std::get_if<torch::ExpandingArray<2>>(&o.padding());
  if (!all(o.kernel_size(), size) || o.groups() != 1 || conv.bias.defined() || padding == nullptr ||
      !std::holds_alternative<torch::enumtype::kZeros>(o.padding_mode())) {
    return Reading::none;
  }
  const bool keeps_size = size % 2 == 1 && all(*padding, size / 2) && all(o.dilation(), 1) &&
                          (all(o.stride(), 1) || all(o.stride(), 2));
  return keeps_size ? Reading::window : all(*padding, 0) ? Reading::patches : Reading::none;
}

/// A convolution and its batch norm.
class DenseBlock : public NormBlock {
 public:
  DenseBlock(const Conv2dImpl& conv, Reading reading, std::shared_ptr<BatchNorm2dImpl> norm,
             bool relu) {
    const at::Tensor& weight = conv.weight;
    unit_.norm = std::move(norm);
    unit_.relu = relu;
    if (reading == Reading::window) {
      unit_.window = weight.size(2);
      unit_.stride = conv.options.stride()->at(0);
      unit_.pointwise = {weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1, 1, 1})};
    } else {
      unit_.pointwise = {weight.view({weight.size(0), -1, 1, 1})};
    }
  }
  std::vector<NormUnit> units() const override { return {unit_}; }

 private:
  NormUnit unit_;
};

/// The patches that a convolution without padding reads: (N, in · k · k, H', W').
at::Tensor patches(const Conv2dImpl& conv, const at::Tensor& x) {
  const auto& o = conv.options;
  const auto out = [&](std::size_t axis) {
    const std::int64_t reach = o.dilation()->at(axis) * (o.kernel_size()->at(axis) - 1);
    return (x.size(2 + static_cast<std::int64_t>(axis)) - reach - 1) / o.stride()->at(axis) + 1;
  };
  return at::im2col(x, *o.kernel_size(), *o.dilation(), /*padding=*/{0, 0}, *o.stride())
      .view({x.size(0), -1, out(0), out(1)});
}

/// A convolution that no batch norm follows.
at::Tensor convolve(const Conv2dImpl& conv, const at::Tensor& x, Execution execution) {
  const at::Tensor read = patches(conv, x);
  const at::Tensor samples = read.permute({0, 2, 3, 1}).reshape({-1, read.size(1)});
  return run_linear(samples, conv.weight.view({conv.weight.size(0), -1}), {}, execution)
      .view({x.size(0), read.size(2), read.size(3), -1})
      .permute({0, 3, 1, 2});
}

/// Modules of a chain from one on: [ReLU] → convolution → [batch norm].
struct Link {
  bool relu = false;
  std::shared_ptr<Conv2dImpl> conv;
  std::shared_ptr<BatchNorm2dImpl> norm;

  std::size_t modules() const { return (relu ? 1U : 0U) + 1 + (norm ? 1U : 0U); }
};

Link link_at(const torch::nn::Sequential& chain, std::size_t at) {
  const auto part = [&](std::size_t i) {
    return i < chain->size() ? chain->ptr(i) : std::shared_ptr<torch::nn::Module>();
  };
  Link link;
  link.relu = std::dynamic_pointer_cast<torch::nn::ReLUImpl>(part(at)) != nullptr;
  at += link.relu ? 1 : 0;
  link.conv = std::dynamic_pointer_cast<Conv2dImpl>(part(at));
  link.norm = std::dynamic_pointer_cast<BatchNorm2dImpl>(part(at + 1));
  return link;
}

std::optional<at::Tensor> run_link(const Link& link, const at::Tensor& x, Execution execution) {
  const Reading reading = link.conv ? reading_of(*link.conv) : Reading::none;
  if (reading == Reading::none) {
    return std::nullopt;
  }
  if (link.norm) {
    return run_fused(DenseBlock(*link.conv, reading, link.norm, link.relu),
                     reading == Reading::patches ? patches(*link.conv, x) : x);
  }
  return reading == Reading::patches
             ? std::optional(convolve(*link.conv, link.relu ? at::relu(x) : x, execution))
             : std::nullopt;
}

}  // namespace

at::Tensor run_chain(torch::nn::Sequential& chain, at::Tensor x, Execution execution) {
  if (execution != Execution::fused || !x.is_cpu()) {
    return chain->forward(x);
  }
  for (std::size_t at = 0; at < chain->size();) {
    const Link link = link_at(chain, at);
    if (auto y = run_link(link, x, execution)) {
      x = std::move(*y);
      at += link.modules();
    } else {
      x = (chain->begin() + static_cast<std::ptrdiff_t>(at))->forward(x);
      ++at;
    }
  }
  return x;
}

}  // namespace darts
