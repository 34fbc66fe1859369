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

using testing::Arithmetic;
using testing::Golden;
using testing::in_corner;
using testing::padded;
using testing::random_values;
using testing::Stored;
using testing::stored_data;
using testing::type_of;
using testing::with_padding;

template <class S>
class BlendKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double, c10::BFloat16>;
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

/// The first terms are stored as T, the others as S.
bool is_stored(std::int64_t term) { return term >= 3; }

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

template <class S>
at::Tensor run(const SumCase& c, const Golden& in) {
  using T = Arithmetic<S>;
  Golden own;
  for (const auto& [name, tensor] : in) {
    own[name] = with_padding<T>(tensor);
  }
  const std::int64_t channels = padded<T>(c.channels);
  const auto pointer = [&](const char* name, std::int64_t offset) {
    return own.at(name).template const_data_ptr<T>() + offset;
  };
  const at::Tensor x = with_padding<S>(in.at("x"));
  std::vector<kernels::Term<T>> terms;
  std::vector<kernels::Term<T, Stored<S>>> stored;
  for (std::int64_t t = 0; t < c.terms; ++t) {
    const std::int64_t place = t * c.pixels * channels;
    const T* const scale = has_scale(t) ? pointer("scale", t * channels) : nullptr;
    if (is_stored(t)) {
      stored.push_back({stored_data<S>(x) + place, scale});
    } else {
      terms.push_back({pointer("x", place), scale});
    }
  }
  at::Tensor out = own.at("masked").clone();
  if (!c.in_place) {
    out.fill_(std::numeric_limits<T>::quiet_NaN());
  }
  kernels::WeightedSum<T, Stored<S>> task;
  task.pixels = c.pixels;
  task.channels = channels;
  task.terms = terms;
  task.stored = stored;
  task.bias = c.bias ? pointer("bias", 0) : nullptr;
  task.out = out.mutable_data_ptr<T>();
  if (c.masked) {
    task.mask = pointer("mask", 0);
    task.masked = c.in_place ? task.out : pointer("masked", 0);
  }
  kernels::weighted_sum(task);
  return out;
}

template <class S>
void compare(const SumCase& c) {
  SCOPED_TRACE(c10::str(c.pixels, " pixels, ", c.channels, " channels, ", c.terms, " terms, bias ",
                        c.bias, ", masked ", c.masked, ", in place ", c.in_place));
  const Golden operands = operands_of(c, type_of<S>);
  testing::expect_padded({{"out", run<S>(c, operands)}}, {{"out", expected_of(c, operands)}},
                         testing::rounding<S>(c.terms + 2));
}

/// Sums of 0 to 9 terms (they are added four at a time), in all their variants.
template <class S>
void compare_all(std::int64_t pixels, std::int64_t channels) {
  for (std::int64_t terms = 0; terms < 10; ++terms) {
    for (const bool bias : {false, true}) {
      compare<S>({pixels, channels, terms, bias});
      compare<S>({pixels, channels, terms, bias, true});
      compare<S>({pixels, channels, terms, bias, true, true});
    }
  }
}

/// Single pixels, and around the blocks of 16 KB that the kernels work on.
template <class S>
std::vector<std::int64_t> pixels_around_blocks(std::int64_t channels) {
  constexpr std::int64_t bytes = 16384;
  const std::int64_t block = bytes / (padded<S>(channels) * std::int64_t{sizeof(Arithmetic<S>)});
  return {1, 2, block - 1, block, block + 1, 2 * block + 3};
}

TYPED_TEST(BlendKernel, WeightedSumEqualsATen) {
  for (const std::int64_t channels : {1, 5, 16, 36}) {
    for (const std::int64_t pixels : pixels_around_blocks<TypeParam>(channels)) {
      compare_all<TypeParam>(pixels, channels);
    }
  }
}

TYPED_TEST(BlendKernel, EveryInstructionSetGivesTheSameWeightedSum) {
  testing::for_each_target(
      [] { compare_all<TypeParam>(pixels_around_blocks<TypeParam>(13).back(), 13); });
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

template <class S>
using FactorOf = kernels::Factor<Arithmetic<S>, Stored<S>>;

/// g: pixels×channels, of type T; adds to `sums`.
template <class S>
void multiply(const at::Tensor& g, const std::vector<FactorOf<S>>& factors,
              const at::Tensor& sums) {
  using T = Arithmetic<S>;
  kernels::ChannelProducts<T, Stored<S>> task;
  task.pixels = g.size(0);
  task.channels = g.size(1);
  task.g = g.const_data_ptr<T>();
  task.factors = factors;
  task.sums = sums.mutable_data_ptr<double>();
  kernels::channel_products(task);
}

/// x, g: pixels×channels; sums: what the kernels add to.
template <class S>
void compare_reductions(std::int64_t pixels, std::int64_t channels) {
  using T = Arithmetic<S>;
  SCOPED_TRACE(c10::str(pixels, " pixels, ", channels, " channels"));
  const at::Tensor g = random_values(type_of<S>, {pixels, channels}, 1);
  const at::Tensor x = random_values(type_of<S>, {pixels, channels}, 2);
  const at::Tensor before = random_values(at::kDouble, {4, channels}, 3);
  const at::Tensor own_g = with_padding<T>(g);
  const at::Tensor own_x = with_padding<S>(x);
  const std::vector<FactorOf<S>> factors{
      {}, {nullptr, stored_data<S>(own_x)}, {own_g.const_data_ptr<T>(), nullptr}, {}};
  const std::int64_t width = own_x.size(1);
  const at::Tensor products = in_corner(before, {4, width}, at::kDouble);
  multiply<S>(own_g, factors, products);
  const at::Tensor moments = in_corner(before.narrow(0, 0, 2), {2, width}, at::kDouble);
  kernels::channel_moments(stored_data<S>(own_x), pixels, width,
                           moments.mutable_data_ptr<double>());
  testing::expect_padded({{"products", products}, {"moments", moments}},
                         {{"products", before + at::stack({g, g * x, g * g, g}).sum(1)},
                          {"moments", before.narrow(0, 0, 2) + at::stack({x, x * x}).sum(1)}},
                         testing::rounding<S>(pixels));
}

TYPED_TEST(BlendKernel, ProductsAndMomentsEqualATen) {
  for (const std::int64_t channels : {1, 2, 7, 16, 19, 64}) {
    for (const std::int64_t pixels : pixels_around_blocks<TypeParam>(channels)) {
      compare_reductions<TypeParam>(pixels, channels);
    }
  }
}

TYPED_TEST(BlendKernel, EveryInstructionSetGivesTheSameProductsAndMoments) {
  testing::for_each_target([] {
    for (const std::int64_t channels : {1, 10, 33}) {
      compare_reductions<TypeParam>(pixels_around_blocks<TypeParam>(channels).back(), channels);
    }
  });
}

TYPED_TEST(BlendKernel, ProductsAndMomentsOfNotANumber) {
  testing::for_each_target([] {
    const std::int64_t width = padded<TypeParam>(5);
    const std::int64_t pixels = pixels_around_blocks<TypeParam>(5).back();
    const at::Tensor x = with_padding<TypeParam>(random_values(at::kFloat, {pixels, 5}, 1));
    const at::Tensor g =
        with_padding<Arithmetic<TypeParam>>(random_values(at::kFloat, {pixels, 5}, 2));
    x[pixels - 2][3] = std::numeric_limits<TypeParam>::quiet_NaN();
    const at::Tensor sums = in_corner({}, {4, width}, at::kDouble);
    multiply<TypeParam>(
        g, std::vector<FactorOf<TypeParam>>{{}, {nullptr, stored_data<TypeParam>(x)}}, sums);
    kernels::channel_moments(stored_data<TypeParam>(x), pixels, width,
                             sums.mutable_data_ptr<double>() + 2 * width);
    at::Tensor expected = at::zeros_like(sums);
    expected.narrow(0, 1, 3).select(1, 3).fill_(1.0);
    EXPECT_TRUE(sums.isnan().equal(expected.ne(0.0)));
  });
}

}  // namespace
}  // namespace darts
