#include "ops/kernels/separable_trial.hpp"

#include <ATen/TensorOperators.h>
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

}  // namespace

at::Tensor sums_with(const at::Tensor& x, const at::Tensor& y) {
  return at::stack({x, x * y}).sum(at::IntArrayRef{1, 2});
}

std::string describe(const SeparableCase& c) {
  return c10::str(c.in_channels, "x", c.height, "x", c.width, " -> ", c.out_channels, ", kernel ",
                  c.kernel, ", stride ", c.stride, ", dilation ", c.dilation);
}

Golden separable_operands(const SeparableCase& c, at::ScalarType type) {
  const kernels::SeparableShape s = c.shape();
  std::uint64_t seed = 0;
  const auto draw = [&](at::IntArrayRef shape) { return random_values(type, shape, ++seed); };
  const std::vector<std::int64_t> in{c.height, c.width, c.in_channels};
  const std::vector<std::int64_t> out{s.out_height, s.out_width, c.out_channels};
  const std::vector<std::int64_t> depthwise{c.kernel, c.kernel, c.in_channels};
  const std::vector<std::int64_t> pointwise{c.in_channels, c.out_channels};
  Golden operands{{"input", at::relu(draw(in))},
                  {"y", draw(in)},
                  {"depthwise", draw(depthwise)},
                  {"pointwise", draw(pointwise)},
                  {"g", draw(out)},
                  {"z", draw(out)},
                  {"to sums", draw({2, c.out_channels})},
                  {"to masked_sums", draw({2, c.in_channels})},
                  {"to grad_depthwise", draw(depthwise)},
                  {"to grad_pointwise", draw(pointwise)},
                  {"to grad_sum", draw(in)}};
  for (const char* coefficient : {"a", "b", "c"}) {
    operands[coefficient] = draw({c.out_channels});
  }
  return operands;
}

std::map<std::string, std::int64_t> separable_terms(const SeparableCase& c) {
  const std::int64_t taps = c.kernel * c.kernel;
  const std::int64_t pixels = c.shape().out_pixels();
  const std::int64_t gradient = 3;  // a·g + b·z + c
  const std::int64_t grad_input = gradient + c.out_channels + taps;
  return {{"output", taps + c.in_channels},
          {"sums", pixels},  // of what is stored
          {"grad_depthwise", gradient + c.out_channels + pixels},
          {"grad_pointwise", gradient + taps + pixels},
          {"grad_sum", grad_input},
          {"grad_masked", grad_input},
          {"masked_sums", grad_input + c.height * c.width}};
}

Golden separable_expected(const SeparableCase& c, const Golden& in) {
  const std::int64_t padding = c.shape().padding();
  const auto leaf = [](const at::Tensor& t) { return t.contiguous().requires_grad_(); };
  const at::Tensor input = leaf(as_batch(in.at("input")));
  const at::Tensor depthwise = leaf(in.at("depthwise").permute({2, 0, 1}).unsqueeze(1));
  const at::Tensor pointwise = leaf(in.at("pointwise").t().unsqueeze(2).unsqueeze(3));
  const at::Tensor middle = at::conv2d(input, depthwise, {}, c.stride, padding, c.dilation,
                                       /*groups=*/c.in_channels);
  const at::Tensor output = at::conv2d(middle, pointwise);
  const at::Tensor gradient =
      in.at("a") * in.at("g") + in.at("b") * in.at("z") + in.at("c");  // channels are last
  const auto gradients = torch::autograd::grad({output}, {input, depthwise, pointwise},
                                               {as_batch(gradient).contiguous()});
  const at::Tensor pixels = as_image(output.detach());
  const at::Tensor grad_input = as_image(gradients[0]);
  const at::Tensor masked = grad_input * in.at("input").gt(0.0);
  return {
      {"output", pixels},
      {"sums", in.at("to sums") + sums_with(pixels, pixels)},
      {"grad_depthwise", in.at("to grad_depthwise") + gradients[1].squeeze(1).permute({1, 2, 0})},
      {"grad_pointwise", in.at("to grad_pointwise") + gradients[2].squeeze(3).squeeze(2).t()},
      {"grad_sum", in.at("to grad_sum") + grad_input},
      {"grad_masked", masked},
      {"masked_sums", in.at("to masked_sums") + sums_with(masked, in.at("y"))}};
}

}  // namespace darts::testing
