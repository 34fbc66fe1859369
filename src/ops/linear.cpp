#include "batch/batch_norm.hpp"
#include "batch/groups.hpp"
#include "batch/weights.hpp"
#include "kernels/unit.hpp"
#include "phase.hpp"

#include <darts/ops/linear.hpp>

#include <ATen/autocast_mode.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace darts {
namespace {

using batch::for_groups;
using batch::GroupSums;
using batch::ImageGroup;
using batch::PackedWeights;

/// As a unit: without a depthwise convolution, of samples that are the pixels of an image.
NormUnit unit_of(const at::Tensor& weight) {
  NormUnit unit;
  unit.pointwise = {weight.unsqueeze(2).unsqueeze(3)};
  return unit;
}

/// Samples are worked on in parts of this many.
constexpr std::int64_t samples_a_part = 16;

std::int64_t parts_of(const at::Tensor& samples) {
  return (samples.size(0) + samples_a_part - 1) / samples_a_part;
}

template <class T>
class LinearPass {
 public:
  LinearPass(const at::Tensor& x, const at::Tensor& weight)
      : x_(x.contiguous()), packing_(unit_of(weight)), out_(weight.size(0)) {}

  at::Tensor forward(const at::Tensor& bias) const {
    at::Tensor y = at::empty({x_.size(0), out_}, x_.options().requires_grad(false));
    const std::vector<T> weights = packing_.pack();
    const at::Tensor own = bias.contiguous();
    std::vector<T> shift = vector_of(0.0);
    std::copy_n(own.const_data_ptr<T>(), out_, shift.begin());
    const auto no_sums = [](const ImageGroup&) -> T* { return nullptr; };
    for_parts(no_sums, [&](std::int64_t first, const kernels::UnitShape& shape, T*, T* room) {
      kernels::UnitForward<T> task;
      task.shape = shape;
      task.input.x = {x_.const_data_ptr<T>() + first * x_.size(1), x_.size(1)};
      task.pointwise = weights.data();
      task.bias = shift.data();
      task.z = {y.mutable_data_ptr<T>() + first * out_, out_};
      task.workspace = room;
      kernels::unit_forward(task);
    });
    return y;
  }

  /// Gradients of x and weight, undefined where they are not wanted.
  std::pair<at::Tensor, at::Tensor> backward(const at::Tensor& gradient, bool by_x,
                                             bool by_weight) const {
    const at::Tensor g = gradient.contiguous();
    at::Tensor grad_x = by_x ? at::empty_like(x_) : at::Tensor();
    const std::vector<T> weights = packing_.pack_transposed();
    const std::vector<T> one = vector_of(1.0);
    const std::vector<T> zero = vector_of(0.0);
    GroupSums<T> sums(parts_of(x_), by_weight ? packing_.size() : 0);
    const auto begin = [&](const ImageGroup& group) -> T* {
      return by_weight ? sums.begin(group) : nullptr;
    };
    for_parts(begin, [&](std::int64_t first, const kernels::UnitShape& shape, T* own, T* room) {
      kernels::UnitBackward<T> task;
      task.shape = shape;
      task.input.x = {x_.const_data_ptr<T>() + first * x_.size(1), x_.size(1)};
      task.g = {g.const_data_ptr<T>() + first * out_, out_};
      task.z = task.g;
      task.a = one.data();
      task.b = task.c = zero.data();
      task.pointwise_t = weights.data();
      task.grad_pointwise = own;
      if (by_x) {
        task.grad_x = {grad_x.template mutable_data_ptr<T>() + first * x_.size(1), x_.size(1)};
      }
      task.workspace = room;
      kernels::unit_backward(task);
    });
    return {grad_x, by_weight ? packing_.gradients(sums.total().data()).front().view({out_, -1})
                              : at::Tensor()};
  }

 private:
  /// Calls work(first sample, shape, what `begin` gave for its group, workspace) for every part; a
  /// group has several of them where there are more than groups.
  template <class Begin, class Work>
  void for_parts(const Begin& begin, const Work& work) const {
    for_groups<T>(parts_of(x_), kernels::unit_workspace<T>(shape_of(samples_a_part)),
                  [&](const ImageGroup& group, T* room) {
                    T* const own = begin(group);
                    for (std::int64_t part = group.first; part < group.last; ++part) {
                      const std::int64_t first = part * samples_a_part;
                      const std::int64_t last = std::min(first + samples_a_part, x_.size(0));
                      work(first, shape_of(last - first), own, room);
                    }
                  });
  }
  kernels::UnitShape shape_of(std::int64_t samples) const {
    kernels::UnitShape shape;
    shape.height = samples;
    shape.width = 1;
    shape.in_channels = x_.size(1);
    shape.out_channels = out_;
    shape.relu = false;
    return shape;
  }
  std::vector<T> vector_of(double value) const {
    return batch::padded<T>(std::vector<double>(static_cast<std::size_t>(out_), value));
  }

  at::Tensor x_;
  PackedWeights<T> packing_;
  std::int64_t out_;
};

/// Σ over samples, in their order.
template <class T>
at::Tensor sum_of_samples(const at::Tensor& gradient) {
  const at::Tensor g = gradient.contiguous();
  const std::int64_t size = g.size(1);
  std::vector<double> sum(static_cast<std::size_t>(size));
  const T* value = g.const_data_ptr<T>();
  for (std::int64_t n = 0; n < g.size(0); ++n) {
    for (double& total : sum) {
      total += static_cast<double>(*value++);
    }
  }
  at::Tensor out = at::empty({size}, g.options());
  std::transform(sum.begin(), sum.end(), out.mutable_data_ptr<T>(),
                 [](double total) { return static_cast<T>(total); });
  return out;
}

template <class T>
struct LinearFunction : torch::autograd::Function<LinearFunction<T>> {
  using Context = torch::autograd::AutogradContext;
  using Tensors = torch::autograd::variable_list;

  static at::Tensor forward(Context* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    return LinearPass<T>(x, weight).forward(bias);
  }

  static Tensors backward(Context* context, const Tensors& gradients) {
    TORCH_CHECK(!c10::GradMode::is_enabled(),
                "fused linear map: second derivatives are for the plain execution");
    const Tensors saved = context->get_saved_variables();
    auto [x, weight] =
        LinearPass<T>(saved[0], saved[1])
            .backward(gradients[0], context->needs_input_grad(0), context->needs_input_grad(1));
    return {x, weight,
            context->needs_input_grad(2) ? sum_of_samples<T>(gradients[0]) : at::Tensor()};
  }
};

bool has_kernel(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::ScalarType type = x.scalar_type();
  return x.is_cpu() && (type == at::kFloat || type == at::kDouble) &&
         weight.scalar_type() == type && (!bias.defined() || bias.scalar_type() == type) &&
         x.dim() == 2 && x.numel() > 0 && x.size(1) == weight.size(1) &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

at::Tensor run_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      Execution execution) {
  if (execution != Execution::fused || !has_kernel(x, weight, bias)) {
    return at::linear(x, weight, bias);
  }
  return run_recorded(
      "darts::fused_operation", [&] { return x.numel() * weight.size(0); },
      [&] {
        const at::Tensor shift = bias.defined() ? bias : at::zeros({weight.size(0)}, x.options());
        return x.scalar_type() == at::kFloat ? LinearFunction<float>::apply(x, weight, shift)
                                             : LinearFunction<double>::apply(x, weight, shift);
      });
}

at::Tensor classify(torch::nn::Linear& classifier, const at::Tensor& features,
                    Execution execution) {
  const at::Tensor means = at::adaptive_avg_pool2d(features, {1, 1}).flatten(1);
  return run_linear(means, classifier->weight, classifier->bias, execution);
}

}  // namespace darts
