#include "kernels/pooling.hpp"
#include "ops/forced_target.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/autograd.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using kernels::Pool;
using testing::Arithmetic;
using testing::Golden;
using testing::padded;
using testing::stored_data;
using testing::type_of;
using testing::with_padding;

template <class S>
class PoolingKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double, c10::BFloat16>;
TYPED_TEST_SUITE(PoolingKernel, Types);

constexpr std::int64_t window = 9;  // pixels of a pool, and pools that a pixel is in

/// x, grad_y, and what grad_x is added to; height×width×channels.
Golden operands_of(const kernels::PoolShape& s, at::ScalarType type) {
  const auto draw = [&](std::int64_t height, std::int64_t width, std::uint64_t seed) {
    return testing::random_values(type, {height, width, s.channels}, seed);
  };
  return {{"x", draw(s.height, s.width, 1)},
          {"grad_y", draw(s.out_height(), s.out_width(), 2)},
          {"to grad_x", draw(s.height, s.width, 3)}};
}

Golden expected_of(const kernels::PoolShape& s, const Golden& in) {
  const auto batch = [&](const char* name) {
    return in.at(name).permute({2, 0, 1}).unsqueeze(0).contiguous();
  };
  const at::Tensor x = batch("x").requires_grad_();
  const at::Tensor y = s.pool == Pool::max ? at::max_pool2d(x, 3, s.stride, 1)
                                           : at::avg_pool2d(x, 3, s.stride, 1, /*ceil_mode=*/false,
                                                            /*count_include_pad=*/false);
  const at::Tensor grad_x = torch::autograd::grad({y}, {x}, {batch("grad_y")})[0];
  const auto image = [](const at::Tensor& t) { return t.detach()[0].permute({1, 2, 0}); };
  return {{"y", image(y)}, {"grad_x", in.at("to grad_x") + image(grad_x)}};
}

template <class S>
Golden run(kernels::PoolShape s, const Golden& in) {
  using T = Arithmetic<S>;
  s.channels = padded<T>(s.channels);
  const at::Tensor x = with_padding<T>(in.at("x"));
  const at::Tensor grad_y = with_padding<T>(in.at("grad_y"));
  Golden out{{"y", with_padding<S>(in.at("grad_y"))},
             {"grad_x", with_padding<T>(in.at("to grad_x"))}};
  out["y"].fill_(std::numeric_limits<T>::quiet_NaN());
  kernels::pool_forward(s, x.const_data_ptr<T>(), stored_data<S>(out["y"]));
  kernels::pool_backward(s, x.const_data_ptr<T>(), stored_data<S>(out["y"]),
                         grad_y.const_data_ptr<T>(), out["grad_x"].template mutable_data_ptr<T>());
  return out;
}

template <class S>
void compare_with_aten(const kernels::PoolShape& s, const Golden& operands) {
  SCOPED_TRACE(c10::str(s.pool == Pool::max ? "max " : "average ", s.channels, "x", s.height, "x",
                        s.width, ", stride ", s.stride));
  const Golden found = run<S>(s, operands);
  const Golden expected = expected_of(s, operands);
  testing::expect_padded(found, {{"y", expected.at("y")}}, testing::stored_rounding<S>(window));
  testing::expect_padded(found, {{"grad_x", expected.at("grad_x")}},
                         testing::rounding<S>(2 * window));
}

/// Calls `action` with every kind of pool of images of this size.
template <class Action>
void for_each_kind(std::int64_t height, std::int64_t width, std::int64_t channels,
                   const Action& action) {
  for (const Pool pool : {Pool::max, Pool::average}) {
    for (const std::int64_t stride : {1, 2}) {
      action(kernels::PoolShape{pool, height, width, channels, stride});
    }
  }
}

TYPED_TEST(PoolingKernel, EqualsATen) {
  for (const auto& [height, width] :
       {std::pair{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 9}, {9, 1}, {3, 3}, {5, 8}, {8, 7}, {2, 67}}) {
    for (const std::int64_t channels : {1, 3, 8, 16, 21, 48}) {
      for_each_kind(height, width, channels, [](const kernels::PoolShape& s) {
        compare_with_aten<TypeParam>(s, operands_of(s, type_of<Arithmetic<TypeParam>>));
      });
    }
  }
}

TYPED_TEST(PoolingKernel, EveryInstructionSetGivesTheSame) {
  testing::for_each_target([] {
    for_each_kind(7, 10, 11, [](const kernels::PoolShape& s) {
      compare_with_aten<TypeParam>(s, operands_of(s, type_of<Arithmetic<TypeParam>>));
    });
  });
}

/// Whole numbers from −1 to 1, as a ReLU's zeros: nearly every window has several largest values.
TYPED_TEST(PoolingKernel, FirstOfEqualLargestValuesGetsTheGradient) {
  testing::for_each_target([] {
    for_each_kind(9, 8, 5, [](const kernels::PoolShape& s) {
      Golden operands = operands_of(s, type_of<Arithmetic<TypeParam>>);
      operands["x"] = operands["x"].round().clamp(-1.0, 1.0);
      compare_with_aten<TypeParam>(s, operands);
    });
  });
}

TYPED_TEST(PoolingKernel, NegativeAndSmallestAndLargestValuesAndZerosOfBothSigns) {
  using Limits = std::numeric_limits<TypeParam>;
  testing::for_each_target([] {
    for_each_kind(5, 6, 3, [](const kernels::PoolShape& s) {
      Golden operands = operands_of(s, type_of<Arithmetic<TypeParam>>);
      operands["x"] = -operands["x"].abs();  // the padding's zeros are larger
      operands["x"][1][1].fill_(-0.0);
      operands["x"][1][2].fill_(0.0);
      operands["x"][3][3].fill_(double{Limits::denorm_min()});
      if (s.pool == Pool::max) {
        operands["x"][4][4].fill_(double{Limits::lowest()});
        operands["x"][0][4].fill_(double{Limits::max()});
      }
      compare_with_aten<TypeParam>(s, operands);
    });
  });
}

TYPED_TEST(PoolingKernel, InfinityIsALargestValueLikeOthers) {
  using Limits = std::numeric_limits<TypeParam>;
  testing::for_each_target([] {
    for (const std::int64_t stride : {1, 2}) {
      const kernels::PoolShape s{Pool::max, 6, 5, 3, stride};
      Golden operands = operands_of(s, type_of<Arithmetic<TypeParam>>);
      operands["x"].fill_(-double{Limits::infinity()});
      operands["x"][2][2].fill_(double{Limits::infinity()});
      const Golden found = run<TypeParam>(s, operands);
      for (const auto& [name, expected] : expected_of(s, operands)) {
        const at::Tensor actual = testing::corner_of(found.at(name), expected);
        EXPECT_TRUE(actual.allclose(expected, 1e-5, 1e-5)) << name << ", stride " << stride;
      }
    }
  });
}

/// In PyTorch the maximum of a window with a NaN is NaN. Here it is NaN or the largest of the other
/// values, whichever is cheap on the instruction set; a state that has a NaN shows it in its other
/// operations. What must not happen is that windows without it, or other channels, are touched.
TYPED_TEST(PoolingKernel, MaximumOfNotANumberIsThatOrTheLargestOfTheRest) {
  using Limits = std::numeric_limits<TypeParam>;
  testing::for_each_target([] {
    for (const std::int64_t stride : {1, 2}) {
      const kernels::PoolShape s{Pool::max, 7, 8, 3, stride};
      Golden operands = operands_of(s, type_of<Arithmetic<TypeParam>>);
      operands["to grad_x"].fill_(0.0);
      operands["x"][3][4][1] = double{Limits::lowest()};
      const Golden without = run<TypeParam>(s, operands);
      operands["x"][3][4][1] = double{Limits::quiet_NaN()};
      const Golden with = run<TypeParam>(s, operands);
      const at::Tensor nan = with.at("y").isnan();
      const at::Tensor in_aten = expected_of(s, operands).at("y").isnan();
      EXPECT_TRUE(testing::corner_of(nan, in_aten).le(in_aten).all().template item<bool>());
      EXPECT_TRUE(with.at("y").eq(without.at("y")).logical_or(nan).all().template item<bool>());
      EXPECT_TRUE(with.at("grad_x").isfinite().all().template item<bool>());
      if (!nan.any().template item<bool>()) {
        EXPECT_TRUE(with.at("grad_x").equal(without.at("grad_x")));
      }
    }
  });
}

TYPED_TEST(PoolingKernel, AverageOfNotANumberOrInfinityIsThat) {
  using Limits = std::numeric_limits<TypeParam>;
  testing::for_each_target([] {
    for (const double special : {double{Limits::quiet_NaN()}, double{Limits::infinity()}}) {
      for (const std::int64_t stride : {1, 2}) {
        const kernels::PoolShape s{Pool::average, 6, 5, 3, stride};
        Golden operands = operands_of(s, type_of<Arithmetic<TypeParam>>);
        operands["x"][2][2].fill_(special);
        operands["grad_y"][0][1].fill_(special);
        const Golden found = run<TypeParam>(s, operands);
        for (const auto& [name, expected] : expected_of(s, operands)) {
          const at::Tensor actual = testing::corner_of(found.at(name), expected);
          EXPECT_TRUE(actual.isnan().equal(expected.isnan())) << name;
          EXPECT_TRUE(actual.isinf().equal(expected.isinf())) << name;
        }
      }
    }
  });
}

}  // namespace
}  // namespace darts
