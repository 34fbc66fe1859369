#include "ops/kernels/unit_trial.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/autograd.h>

namespace darts::testing {
namespace {

/// height×width×channels ↔ 1×channels×height×width.
at::Tensor as_batch(const at::Tensor& image) { return image.permute({2, 0, 1}).unsqueeze(0); }
at::Tensor as_image(const at::Tensor& batch) { return batch.squeeze(0).permute({1, 2, 0}); }

at::Tensor moments_of(const at::Tensor& x, const at::Tensor& y) {
  return at::stack({x, x * y}).sum(at::IntArrayRef{1, 2});
}

/// depth×out ↔ out×in×window×window.
at::Tensor as_weight(const UnitCase& c, const at::Tensor& matrix) {
  return matrix.view({c.window, c.window, c.in_channels, c.out_channels}).permute({3, 2, 0, 1});
}
at::Tensor as_matrix(const at::Tensor& weight) {
  return weight.permute({2, 3, 1, 0}).flatten(0, 2);
}

/// The unit without bias; depthwise: in×1×k×k, pointwise: out×in×window×window.
at::Tensor output_of(const UnitCase& c, const at::Tensor& x, const at::Tensor& depthwise,
                     const at::Tensor& pointwise) {
  const at::Tensor y = c.relu ? at::relu(x) : x;
  if (c.window > 1) {
    return at::conv2d(y, pointwise, {}, c.stride, /*padding=*/c.window / 2);
  }
  if (c.kernel > 1) {
    const at::Tensor middle = at::conv2d(y, depthwise, {}, c.stride, c.shape().padding(),
                                         c.dilation, /*groups=*/c.in_channels);
    return at::conv2d(middle, pointwise);
  }
  const at::Tensor moved = at::constant_pad_nd(y, {-c.offset, c.offset, -c.offset, c.offset});
  return at::conv2d(moved, pointwise, {}, c.stride);
}

}  // namespace

std::string describe(const UnitCase& c) {
  return c10::str(c.in_channels, "x", c.height, "x", c.width, " -> ", c.out_channels, ", kernel ",
                  c.kernel, ", stride ", c.stride, ", dilation ", c.dilation, ", offset ", c.offset,
                  ", affine ", c.affine, ", gap ", c.gap, ", window ", c.window, ", relu ", c.relu);
}

Golden unit_operands(const UnitCase& c, at::ScalarType type) {
  std::uint64_t seed = 100;
  const auto draw = [&](at::IntArrayRef shape) { return random_values(type, shape, ++seed); };
  const kernels::UnitShape s = c.shape();
  const std::vector<std::int64_t> out{s.out_height(), s.out_width(), c.out_channels};
  const std::vector<std::int64_t> depthwise{c.kernel, c.kernel, c.in_channels};
  const std::vector<std::int64_t> pointwise{s.depth(), c.out_channels};
  Golden operands{{"x", draw({c.height, c.width, c.in_channels})},
                  {"scale", draw({c.in_channels})},
                  {"shift", draw({c.in_channels})},
                  {"depthwise", draw(depthwise)},
                  {"pointwise", draw(pointwise)},
                  {"addend", draw(out)},
                  {"g", draw(out)},
                  {"z", draw(out)},
                  {"to moments", draw({2, c.out_channels})},
                  {"to moments_x", draw({2, c.in_channels})},
                  {"to grad_x", draw({c.height, c.width, c.in_channels})},
                  {"to grad_depthwise", draw(depthwise)},
                  {"to grad_pointwise", draw(pointwise)}};
  for (const char* of_outputs : {"bias", "a", "b", "c"}) {
    operands[of_outputs] = draw({c.out_channels});
  }
  return operands;
}

Golden unit_expected(const UnitCase& c, const Golden& in) {
  const auto leaf = [](const at::Tensor& t) { return t.contiguous().requires_grad_(); };
  const at::Tensor below = c.affine ? in.at("x") * in.at("scale") + in.at("shift") : in.at("x");
  const at::Tensor x = leaf(as_batch(below));
  const at::Tensor depthwise = leaf(in.at("depthwise").permute({2, 0, 1}).unsqueeze(1));
  const at::Tensor pointwise = leaf(as_weight(c, in.at("pointwise")));
  const at::Tensor output = output_of(c, x, depthwise, pointwise);
  const at::Tensor gradient = in.at("a") * in.at("g") + in.at("b") * in.at("z") + in.at("c");
  const auto gradients =
      torch::autograd::grad({output}, {x, depthwise, pointwise}, {as_batch(gradient).contiguous()},
                            std::nullopt, /*create_graph=*/false, /*allow_unused=*/true);
  const at::Tensor z = as_image(output.detach()) + in.at("bias");
  const at::Tensor grad_x =
      c.window > 1 ? in.at("to grad_x") + as_image(gradients[0]) : as_image(gradients[0]);
  Golden expected{{"z", z},
                  {"z_added", z + in.at("addend")},
                  {"moments", in.at("to moments") + moments_of(z, z)},
                  {"grad_pointwise", in.at("to grad_pointwise") + as_matrix(gradients[2])},
                  {"grad_x", grad_x}};
  if (c.kernel > 1) {
    expected["grad_depthwise"] =
        in.at("to grad_depthwise") + gradients[1].squeeze(1).permute({1, 2, 0});
    expected["moments_x"] = in.at("to moments_x") + moments_of(grad_x, in.at("x"));
  }
  return expected;
}

}  // namespace darts::testing
