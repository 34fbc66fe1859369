#include "kernels/blend.hpp"
#include "ops/forced_target.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::Golden;
using testing::in_corner;
using testing::padded;
using testing::random_values;
using testing::type_of;
using testing::with_padding;

template <class T>
class BlendKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(BlendKernel, Types);

struct SumCase {
  std::int64_t pixels = 5;
  std::int64_t channels = 3;
  std::int64_t terms = 2;
  bool bias = false;
  bool masked = false;
  bool in_place = false;  ///< masked is out
};

/// Every third term has no scale.
bool has_scale(std::int64_t term) { return term % 3 != 2; }

/// x: terms×pixels×channels; scale: terms×channels; bias: channels; mask, masked: pixels×channels.
Golden operands_of(const SumCase& c, at::ScalarType type) {
  return {{"x", random_values(type, {c.terms, c.pixels, c.channels}, 1)},
          {"scale", random_values(type, {c.terms, c.channels}, 2)},
          {"bias", random_values(type, {c.channels}, 3)},
          {"mask", random_values(type, {c.pixels, c.channels}, 4).clamp_min(0.0)},
          {"masked", random_values(type, {c.pixels, c.channels}, 5)}};
}

at::Tensor expected_of(const SumCase& c, const Golden& in) {
  at::Tensor sum = at::zeros_like(in.at("mask"));
  if (c.bias) {
    sum = sum + in.at("bias");
  }
  if (c.masked) {
    sum = sum + at::where(in.at("mask").gt(0.0), in.at("masked"), 0.0);
  }
  for (std::int64_t t = 0; t < c.terms; ++t) {
    sum = sum + (has_scale(t) ? in.at("x")[t] * in.at("scale")[t] : in.at("x")[t]);
  }
  return sum;
}

template <class T>
at::Tensor run(const SumCase& c, const Golden& in) {
  Golden own;
  for (const auto& [name, tensor] : in) {
    own[name] = with_padding<T>(tensor);
  }
  const std::int64_t channels = padded<T>(c.channels);
  const auto pointer = [&](const char* name, std::int64_t offset) {
    return own.at(name).template const_data_ptr<T>() + offset;
  };
  std::vector<kernels::Term<T>> terms;
  for (std::int64_t t = 0; t < c.terms; ++t) {
    terms.push_back({pointer("x", t * c.pixels * channels),
                     has_scale(t) ? pointer("scale", t * channels) : nullptr});
  }
  at::Tensor out = own.at("masked").clone();
  if (!c.in_place) {
    out.fill_(std::numeric_limits<T>::quiet_NaN());
  }
  kernels::WeightedSum<T> task;
  task.pixels = c.pixels;
  task.channels = channels;
  task.terms = terms;
  task.bias = c.bias ? pointer("bias", 0) : nullptr;
  task.out = out.mutable_data_ptr<T>();
  if (c.masked) {
    task.mask = pointer("mask", 0);
    task.masked = c.in_place ? task.out : pointer("masked", 0);
  }
  kernels::weighted_sum(task);
  return out;
}

template <class T>
void compare(const SumCase& c) {
  SCOPED_TRACE(c10::str(c.pixels, " pixels, ", c.channels, " channels, ", c.terms, " terms, bias ",
                        c.bias, ", masked ", c.masked, ", in place ", c.in_place));
  const Golden operands = operands_of(c, type_of<T>);
  testing::expect_padded({{"out", run<T>(c, operands)}}, {{"out", expected_of(c, operands)}},
                         testing::rounding<T>);
}

/// Sums of 0 to 9 terms (they are added four at a time), in all their variants.
template <class T>
void compare_all(std::int64_t pixels, std::int64_t channels) {
  for (std::int64_t terms = 0; terms < 10; ++terms) {
    for (const bool bias : {false, true}) {
      compare<T>({pixels, channels, terms, bias});
      compare<T>({pixels, channels, terms, bias, true});
      compare<T>({pixels, channels, terms, bias, true, true});
    }
  }
}

/// Around the block of 64 pixels.
TYPED_TEST(BlendKernel, WeightedSumEqualsATen) {
  for (const std::int64_t pixels : {1, 2, 63, 64, 65, 200}) {
    for (const std::int64_t channels : {1, 5, 16, 36}) {
      compare_all<TypeParam>(pixels, channels);
    }
  }
}

TYPED_TEST(BlendKernel, EveryInstructionSetGivesTheSameWeightedSum) {
  testing::for_each_target([] { compare_all<TypeParam>(70, 13); });
}

/// A closed mask (0, below, NaN) hides even NaN and infinity, as a ReLU's backward pass of 0 does;
/// an open one lets them through, and so do terms.
TYPED_TEST(BlendKernel, WeightedSumOfNotANumberAndInfinity) {
  using Limits = std::numeric_limits<TypeParam>;
  testing::for_each_target([] {
    const SumCase c{3, 3, 2, true, true};
    for (const double special : {double{Limits::quiet_NaN()}, double{Limits::infinity()}}) {
      for (const double mask : {-1.0, -0.0, 0.0, double{Limits::denorm_min()}, 1.0}) {
        Golden operands = operands_of(c, type_of<TypeParam>);
        operands["mask"][1][2] = mask;
        operands["masked"][1][2] = special;
        const at::Tensor found = run<TypeParam>(c, operands);
        EXPECT_EQ(found.isfinite().logical_not().sum().template item<std::int64_t>(), mask > 0.0);
      }
      Golden operands = operands_of(c, type_of<TypeParam>);
      operands["x"][1][2][0] = special;
      const at::Tensor found = run<TypeParam>(c, operands);
      EXPECT_FALSE(found[2][0].isfinite().template item<bool>());
      EXPECT_EQ(found.isfinite().logical_not().sum().template item<std::int64_t>(), 1);
    }
  });
}

/// x, g: pixels×channels; sums: what the kernels add to.
template <class T>
void compare_reductions(std::int64_t pixels, std::int64_t channels) {
  SCOPED_TRACE(c10::str(pixels, " pixels, ", channels, " channels"));
  const at::Tensor g = random_values(type_of<T>, {pixels, channels}, 1);
  const at::Tensor x = random_values(type_of<T>, {pixels, channels}, 2);
  const at::Tensor before = random_values(at::kDouble, {4, channels}, 3);
  const at::Tensor own_g = with_padding<T>(g);
  const at::Tensor own_x = with_padding<T>(x);
  const T* const values = own_x.const_data_ptr<T>();
  const std::vector<const T*> factors{nullptr, values, own_g.const_data_ptr<T>(), nullptr};
  const std::int64_t width = own_x.size(1);
  const at::Tensor products = in_corner(before, {4, width}, at::kDouble);
  kernels::channel_products<T>(
      {pixels, width, own_g.const_data_ptr<T>(), factors, products.mutable_data_ptr<double>()});
  const at::Tensor moments = in_corner(before.narrow(0, 0, 2), {2, width}, at::kDouble);
  kernels::channel_moments(values, pixels, width, moments.mutable_data_ptr<double>());
  testing::expect_padded({{"products", products}, {"moments", moments}},
                         {{"products", before + at::stack({g, g * x, g * g, g}).sum(1)},
                          {"moments", before.narrow(0, 0, 2) + at::stack({x, x * x}).sum(1)}},
                         testing::rounding<T>);
}

TYPED_TEST(BlendKernel, ProductsAndMomentsEqualATen) {
  for (const std::int64_t pixels : {1, 2, 3, 63, 64, 65, 128, 321}) {
    for (const std::int64_t channels : {1, 2, 7, 16, 19, 64}) {
      compare_reductions<TypeParam>(pixels, channels);
    }
  }
}

TYPED_TEST(BlendKernel, EveryInstructionSetGivesTheSameProductsAndMoments) {
  testing::for_each_target([] {
    for (const std::int64_t channels : {1, 10, 33}) {
      compare_reductions<TypeParam>(131, channels);
    }
  });
}

TYPED_TEST(BlendKernel, ProductsAndMomentsOfNotANumber) {
  testing::for_each_target([] {
    const std::int64_t width = padded<TypeParam>(5);
    const at::Tensor x = with_padding<TypeParam>(random_values(at::kFloat, {70, 5}, 1));
    const at::Tensor g = with_padding<TypeParam>(random_values(at::kFloat, {70, 5}, 2));
    x[66][3] = std::numeric_limits<TypeParam>::quiet_NaN();
    const at::Tensor sums = in_corner({}, {4, width}, at::kDouble);
    const std::vector<const TypeParam*> factors{nullptr, x.const_data_ptr<TypeParam>()};
    auto* const to = sums.mutable_data_ptr<double>();
    kernels::channel_products<TypeParam>({70, width, g.const_data_ptr<TypeParam>(), factors, to});
    kernels::channel_moments(x.const_data_ptr<TypeParam>(), 70, width, to + 2 * width);
    at::Tensor expected = at::zeros_like(sums);
    expected.narrow(0, 1, 3).select(1, 3).fill_(1.0);
    EXPECT_TRUE(sums.isnan().equal(expected.ne(0.0)));
  });
}

}  // namespace
}  // namespace darts
