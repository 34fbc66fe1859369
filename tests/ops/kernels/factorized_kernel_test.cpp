#include "kernels/factorized.hpp"
#include "ops/forced_target.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/autograd.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::Golden;
using testing::in_corner;
using testing::padded;
using testing::PaddedTensor;
using testing::Stored;
using testing::stored_data;
using testing::type_of;
using testing::with_padding;

template <class S>
class FactorizedKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double, c10::BFloat16>;
TYPED_TEST_SUITE(FactorizedKernel, Types);

struct Case {
  std::int64_t height;
  std::int64_t width;
  std::int64_t in_channels;
  std::int64_t out_channels;

  std::int64_t out_height() const { return (height + 1) / 2; }
  std::int64_t out_width() const { return (width + 1) / 2; }
};

/// As in separable_operands(). weights: 2×in×out, first of the pixel (2y, 2x), then of the one
/// below and to the right.
Golden operands_of(const Case& c, at::ScalarType type) {
  std::uint64_t seed = 50;
  const auto draw = [&](at::IntArrayRef shape) {
    return testing::random_values(type, shape, ++seed);
  };
  const std::vector<std::int64_t> in{c.height, c.width, c.in_channels};
  const std::vector<std::int64_t> out{c.out_height(), c.out_width(), c.out_channels};
  const std::vector<std::int64_t> weights{2, c.in_channels, c.out_channels};
  Golden operands{{"input", at::relu(draw(in))},
                  {"weights", draw(weights)},
                  {"g", draw(out)},
                  {"z", draw(out)},
                  {"to sums", draw({2, c.out_channels})},
                  {"to grad_weights", draw(weights)},
                  {"to grad_sum", draw(in)}};
  for (const char* coefficient : {"a", "b", "c"}) {
    operands[coefficient] = draw({c.out_channels});
  }
  return operands;
}

/// Two strided 1×1 convolutions, the second one of the image moved by a pixel.
Golden expected_of(const Golden& in) {
  const at::Tensor input =
      in.at("input").permute({2, 0, 1}).unsqueeze(0).contiguous().requires_grad_();
  const at::Tensor weights = in.at("weights").detach().clone().requires_grad_();
  const auto kernel = [&](std::int64_t half) {
    return weights[half].t().unsqueeze(2).unsqueeze(3);
  };
  const at::Tensor moved = at::constant_pad_nd(input, {-1, 1, -1, 1});
  const at::Tensor output =
      at::conv2d(input, kernel(0), {}, 2) + at::conv2d(moved, kernel(1), {}, 2);
  const at::Tensor gradient = in.at("a") * in.at("g") + in.at("b") * in.at("z") + in.at("c");
  const auto gradients = torch::autograd::grad(
      {output}, {input, weights}, {gradient.permute({2, 0, 1}).unsqueeze(0).contiguous()});
  const at::Tensor pixels = output.detach().squeeze(0).permute({1, 2, 0});
  return {
      {"output", pixels},
      {"sums", in.at("to sums") + at::stack({pixels, pixels * pixels}).sum(at::IntArrayRef{1, 2})},
      {"grad_weights", in.at("to grad_weights") + gradients[1]},
      {"grad_sum", in.at("to grad_sum") + gradients[0].squeeze(0).permute({1, 2, 0})}};
}

/// Runs both kernels on working memory that is full of NaN.
template <class S>
Golden run(const Case& c, const Golden& in, std::int64_t padding = 1) {
  using T = testing::Arithmetic<S>;
  const kernels::FactorizedShape shape{c.out_height(), c.out_width(), padded<T>(c.in_channels),
                                       padded<T>(c.out_channels)};
  const PaddedTensor<T> input(in.at("input"), padding);
  const at::Tensor matrix = with_padding<T>(in.at("weights"), 2).flatten(0, 1);
  const at::Tensor weights = testing::packed<T>(matrix);
  const at::Tensor weights_t = testing::packed<T>(matrix.t());
  std::vector<T> scratch(static_cast<std::size_t>(kernels::factorized_scratch(shape)),
                         std::numeric_limits<T>::quiet_NaN());
  Golden own;
  for (const char* name : {"g", "a", "b", "c"}) {
    own[name] = with_padding<T>(in.at(name));
  }
  const at::Tensor z = with_padding<S>(in.at("z"));
  const auto pointer = [&](const char* name) { return own.at(name).template const_data_ptr<T>(); };
  Golden out{{"output", with_padding<S>(in.at("z"))},
             {"sums", in_corner(in.at("to sums"), {2, shape.out_channels}, at::kDouble)},
             {"grad_weights",
              testing::packed<T>(with_padding<T>(in.at("to grad_weights"), 2).flatten(0, 1))},
             {"grad_sum", with_padding<T>(in.at("to grad_sum"))}};
  out["output"].fill_(std::numeric_limits<T>::quiet_NaN());
  kernels::factorized_forward<T, Stored<S>>(
      {shape, input.view(), weights.template const_data_ptr<T>(), stored_data<S>(out["output"]),
       out["sums"].template mutable_data_ptr<double>(), scratch.data()});
  kernels::FactorizedBackward<T, Stored<S>> task;
  task.shape = shape;
  task.input = input.view();
  task.gradient = {pointer("g"), stored_data<S>(z), pointer("a"), pointer("b"), pointer("c")};
  task.weights_t = weights_t.template const_data_ptr<T>();
  task.scratch = scratch.data();
  kernels::factorized_backward(task);  // neither is wanted: nothing happens
  task.grad_weights = out["grad_weights"].template mutable_data_ptr<T>();
  kernels::factorized_backward(task);
  task.grad_weights = nullptr;
  task.grad_sum = out["grad_sum"].template mutable_data_ptr<T>();
  kernels::factorized_backward(task);
  out["grad_weights"] =
      testing::unpacked<T>(out["grad_weights"], 2 * shape.in_channels, shape.out_channels)
          .unflatten(0, {2, shape.in_channels});
  return out;
}

/// The sums have to be of what is stored, rounded as it may be.
template <class S>
void compare_with_aten(const Case& c, std::int64_t padding = 1) {
  SCOPED_TRACE(c10::str(c.in_channels, "x", c.height, "x", c.width, " -> ", c.out_channels));
  const Golden operands = operands_of(c, type_of<S>);
  const Golden found = run<S>(c, operands, padding);
  Golden expected = expected_of(operands);
  testing::expect_padded(found, {{"output", expected.at("output")}},
                         testing::stored_rounding<S>(2 * c.in_channels));
  const at::Tensor stored = testing::corner_of(found.at("output"), expected.at("output"));
  expected["sums"] =
      operands.at("to sums") + at::stack({stored, stored * stored}).sum(at::IntArrayRef{1, 2});
  expected.erase("output");
  const std::int64_t pixels = c.out_height() * c.out_width();
  testing::expect_padded(found, expected,
                         {{"sums", testing::rounding<S>(pixels)},
                          {"grad_weights", testing::rounding<S>(3 + pixels)},
                          {"grad_sum", testing::rounding<S>(3 + c.out_channels)}});
}

/// Of an odd height or width, the last row or column sees the padding.
TYPED_TEST(FactorizedKernel, EqualsATen) {
  for (const auto& [height, width] :
       {std::pair{1, 1}, {1, 2}, {2, 1}, {1, 9}, {8, 1}, {5, 7}, {6, 6}, {3, 34}, {4, 141}}) {
    for (const auto& [in, out] :
         {std::pair{1, 1}, {1, 5}, {5, 2}, {8, 8}, {16, 16}, {17, 17}, {33, 40}}) {
      compare_with_aten<TypeParam>({height, width, in, out});
    }
  }
}

TYPED_TEST(FactorizedKernel, ImagesMayHaveMorePaddingThanNeeded) {
  compare_with_aten<TypeParam>({5, 7, 3, 4}, 6);
}

TYPED_TEST(FactorizedKernel, EveryInstructionSetGivesTheSameUpToRounding) {
  testing::for_each_target([] {
    for (const std::int64_t channels : {1, 7, 20}) {
      compare_with_aten<TypeParam>({7, 18, channels, channels + 2});
    }
  });
}

TYPED_TEST(FactorizedKernel, NotANumberGoesWhereItGoesInATen) {
  testing::for_each_target([] {
    const Case c{7, 6, 3, 4};
    for (const char* where : {"input", "g"}) {
      Golden operands = operands_of(c, type_of<TypeParam>);
      operands[where][2][2][1] = std::numeric_limits<TypeParam>::quiet_NaN();
      const Golden found = run<TypeParam>(c, operands);
      for (const auto& [name, expected] : expected_of(operands)) {
        const at::Tensor actual = testing::corner_of(found.at(name), expected);
        EXPECT_TRUE(actual.isnan().equal(expected.isnan())) << name << ", NaN in " << where;
      }
    }
  });
}

}  // namespace
}  // namespace darts
