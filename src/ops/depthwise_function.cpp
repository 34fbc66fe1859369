#include "depthwise_function.hpp"

#include "kernels/depthwise.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace darts::detail {
namespace {

using kernels::DepthwiseBackward;
using kernels::DepthwiseScratch;
using kernels::DepthwiseShape;

DepthwiseShape shape_of(const at::Tensor& x, const at::Tensor& weight,
                        const DepthwiseGeometry& geometry) {
  DepthwiseShape shape;
  shape.height = x.size(2);
  shape.width = x.size(3);
  shape.channels = x.size(1);
  shape.kernel = weight.size(2);
  shape.stride = geometry.stride;
  shape.dilation = geometry.dilation;
  shape.relu = geometry.relu;
  return shape;
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// C×1×k×k → k²×C, as the kernels read it.
at::Tensor by_taps(const at::Tensor& weight) { return weight.flatten(1).t().contiguous(); }

at::Tensor forward_all(const at::Tensor& x, const at::Tensor& weight, const DepthwiseShape& shape) {
  const at::Tensor y = at::empty({x.size(0), shape.channels, shape.out_height(), shape.out_width()},
                                 x.options(), at::MemoryFormat::ChannelsLast);
  const at::Tensor taps = by_taps(weight);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "depthwise_forward", [&] {
    const auto* in = x.const_data_ptr<scalar_t>();
    const auto* w = taps.const_data_ptr<scalar_t>();
    auto* out = y.mutable_data_ptr<scalar_t>();
    const std::int64_t in_size = shape.height * shape.width * shape.channels;
    const std::int64_t out_size = shape.out_height() * shape.out_width() * shape.channels;
    at::parallel_for(0, x.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      DepthwiseScratch<scalar_t> scratch;
      for (std::int64_t n = begin; n < end; ++n) {
        kernels::depthwise_forward(shape, in + n * in_size, w, out + n * out_size, scratch);
      }
    });
  });
  return y;
}

struct Wanted {
  bool x = false;
  bool weight = false;
};

struct Gradients {
  at::Tensor x;
  at::Tensor weight;
};

/// Every image has its own sum for the weights; they are added up in order, so that the threads do
/// not matter.
Gradients backward_all(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& grad_y,
                       const DepthwiseShape& shape, const Wanted& wanted) {
  const std::int64_t images = x.size(0);
  const std::int64_t taps = shape.kernel * shape.kernel;
  Gradients result;
  at::Tensor sums;
  if (wanted.x) {
    result.x = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
  }
  if (wanted.weight) {
    sums = at::empty({images, taps * shape.channels}, x.options());
  }
  const at::Tensor by_tap = by_taps(weight);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "depthwise_backward", [&] {
    const std::int64_t in_size = shape.height * shape.width * shape.channels;
    const std::int64_t out_size = shape.out_height() * shape.out_width() * shape.channels;
    const auto* in = x.const_data_ptr<scalar_t>();
    const auto* dy = grad_y.const_data_ptr<scalar_t>();
    auto* dx = wanted.x ? result.x.mutable_data_ptr<scalar_t>() : nullptr;
    auto* dw = wanted.weight ? sums.mutable_data_ptr<scalar_t>() : nullptr;
    DepthwiseBackward<scalar_t> common;
    common.weights = by_tap.const_data_ptr<scalar_t>();
    at::parallel_for(0, images, 1, [&](std::int64_t begin, std::int64_t end) {
      DepthwiseScratch<scalar_t> scratch;
      DepthwiseBackward<scalar_t> image = common;
      for (std::int64_t n = begin; n < end; ++n) {
        image.x = in + n * in_size;
        image.grad_y = dy + n * out_size;
        image.grad_x = dx == nullptr ? nullptr : dx + n * in_size;
        image.grad_weights = dw == nullptr ? nullptr : dw + n * taps * shape.channels;
        kernels::depthwise_backward(shape, image, scratch);
      }
    });
  });
  if (wanted.weight) {
    result.weight = sums.sum(0).view({taps, shape.channels}).t().reshape(weight.sizes());
  }
  return result;
}

/// The same with LibTorch's operations, whose results can be differentiated once more.
Gradients differentiable_backward(const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& grad_y, const DepthwiseShape& shape) {
  const std::int64_t pad = shape.padding();
  const at::Tensor input = shape.relu ? at::relu(x) : x;
  auto [grad_input, grad_weight, unused] =
      at::convolution_backward(grad_y, input, weight, std::nullopt, {shape.stride, shape.stride},
                               {pad, pad}, {shape.dilation, shape.dilation}, /*transposed=*/false,
                               {0, 0}, shape.channels, {true, true, false});
  return {shape.relu ? at::mul(grad_input, at::gt(x, 0)) : grad_input, grad_weight};
}

struct DepthwiseFunction : torch::autograd::Function<DepthwiseFunction> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* context, const at::Tensor& x, const at::Tensor& weight,
                            std::int64_t stride, std::int64_t dilation, bool relu) {
    context->saved_data["stride"] = stride;
    context->saved_data["dilation"] = dilation;
    context->saved_data["relu"] = relu;
    context->save_for_backward({x, weight});
    return forward_all(channels_last(x), weight, shape_of(x, weight, {stride, dilation, relu}));
  }

  static torch::autograd::variable_list backward(Context* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const DepthwiseShape shape =
        shape_of(x, weight,
                 {context->saved_data["stride"].toInt(), context->saved_data["dilation"].toInt(),
                  context->saved_data["relu"].toBool()});
    const Gradients result =
        c10::GradMode::is_enabled()
            ? differentiable_backward(x, weight, gradients[0], shape)
            : backward_all(channels_last(x), weight, channels_last(gradients[0]), shape,
                           {context->needs_input_grad(0), context->needs_input_grad(1)});
    return {result.x, result.weight, {}, {}, {}};
  }
};

}  // namespace

bool has_depthwise_kernel(const at::Tensor& x, const at::Tensor& weight) {
  const std::int64_t kernel = weight.size(2);
  return x.is_cpu() && x.scalar_type() == weight.scalar_type() &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble) &&
         (kernel == 3 || kernel == 5 || kernel == 7);
}

at::Tensor relu_depthwise(const at::Tensor& x, const at::Tensor& weight,
                          const DepthwiseGeometry& geometry) {
  at::RecordFunction record(at::RecordScope::FUNCTION);
  if (record.isActive()) {  // for profilers, and for whoever counts multiply-adds
    const c10::IValue inputs[] = {x, weight};
    record.before("darts::relu_depthwise", c10::ArrayRef<const c10::IValue>(inputs));
  }
  at::Tensor y =
      DepthwiseFunction::apply(x, weight, geometry.stride, geometry.dilation, geometry.relu);
  if (record.isActive()) {
    record.setOutputs(std::vector<c10::IValue>{y});
  }
  return y;
}

}  // namespace darts::detail
