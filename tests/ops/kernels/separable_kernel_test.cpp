#include "ops/forced_target.hpp"
#include "ops/kernels/separable_trial.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::describe;
using testing::for_each_target;
using testing::Golden;
using testing::padded;
using testing::rounding;
using testing::separable_expected;
using testing::separable_operands;
using testing::separable_terms;
using testing::SeparableCase;
using testing::SeparableTrial;
using testing::stored_rounding;
using testing::sums_with;
using testing::type_of;

template <class S>
class SeparableKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double, c10::BFloat16>;
TYPED_TEST_SUITE(SeparableKernel, Types);

Golden part(const Golden& all, const std::vector<std::string>& names) {
  Golden some;
  for (const std::string& name : names) {
    some[name] = all.at(name);
  }
  return some;
}

const std::vector<std::string> of_weights{"grad_depthwise", "grad_pointwise"};
const std::vector<std::string> of_sum{"grad_depthwise", "grad_pointwise", "grad_sum"};
const std::vector<std::string> of_masked{"grad_depthwise", "grad_pointwise", "grad_masked",
                                         "masked_sums"};

/// The sums have to be of what is stored, rounded as it may be.
template <class S>
void compare_with_aten(const SeparableCase& c) {
  SCOPED_TRACE(describe(c));
  const Golden operands = separable_operands(c, type_of<S>);
  const Golden expected = separable_expected(c, operands);
  SeparableTrial<S> trial(c);
  const auto terms = separable_terms(c);
  testing::Tolerances tolerances;
  for (const auto& [name, count] : terms) {
    tolerances[name] = rounding<S>(count);
  }
  const auto expect = [&](const Golden& actual, const std::vector<std::string>& names) {
    testing::expect_padded(actual, part(expected, names), tolerances);
  };
  const Golden forward = trial.forward(operands);
  testing::expect_padded(forward, part(expected, {"output"}),
                         stored_rounding<S>(terms.at("output")));
  const at::Tensor stored = testing::corner_of(forward.at("output"), expected.at("output"));
  testing::expect_padded(forward, {{"sums", operands.at("to sums") + sums_with(stored, stored)}},
                         tolerances);
  expect(trial.backward(operands, {.sum = true}), of_sum);
  expect(trial.backward(operands, {.masked = true}), of_masked);
}

/// Calls `action` with every kind of convolution.
template <class Action>
void for_each_kind(const Action& action) {
  for (const std::int64_t kernel : {3, 5, 7}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t dilation : {1, 2}) {
        SeparableCase c;
        c.kernel = kernel;
        c.stride = stride;
        c.dilation = dilation;
        action(c);
      }
    }
  }
}

struct Size {
  std::int64_t height;
  std::int64_t width;
};

/// Narrower and wider than the tiles of 1, 2, 4 and 8 pixels and the blocks of 64; single rows,
/// columns and pixels.
TYPED_TEST(SeparableKernel, EqualsATenForImagesOfAllSizes) {
  for_each_kind([](SeparableCase c) {
    c.in_channels = 5;
    c.out_channels = 5;
    for (const Size size : {Size{1, 1}, Size{1, 9}, Size{9, 1}, Size{2, 3}, Size{7, 5}, Size{4, 17},
                            Size{6, 15}, Size{33, 8}, Size{3, 70}, Size{2, 131}}) {
      c.height = size.height;
      c.width = size.width;
      compare_with_aten<TypeParam>(c);
    }
  });
}

/// One channel, whole vectors, a vector and a bit; as many of them out as in, more, and fewer.
TYPED_TEST(SeparableKernel, EqualsATenForAllNumbersOfChannels) {
  for_each_kind([](SeparableCase c) {
    c.height = 6;
    c.width = 7;
    for (const auto& [in, out] :
         {std::pair{1, 1}, {2, 3}, {3, 1}, {8, 8}, {16, 16}, {17, 33}, {48, 20}, {36, 36}}) {
      c.in_channels = in;
      c.out_channels = out;
      compare_with_aten<TypeParam>(c);
    }
  });
}

TYPED_TEST(SeparableKernel, ImagesMayHaveMorePaddingThanNeeded) {
  for_each_kind([](SeparableCase c) {
    c.more_padding = 3;
    c.width = 11;
    compare_with_aten<TypeParam>(c);
  });
}

TYPED_TEST(SeparableKernel, EveryInstructionSetGivesTheSameUpToRounding) {
  for_each_target([] {
    for_each_kind([](SeparableCase c) {
      c.in_channels = 19;
      c.out_channels = 7;
      c.height = 9;
      c.width = 13;
      compare_with_aten<TypeParam>(c);
    });
  });
}

/// All working memory and the padding of images are left so that the next image can follow.
TYPED_TEST(SeparableKernel, NextImageGivesWhatItGivesAlone) {
  for_each_kind([](SeparableCase c) {
    SCOPED_TRACE(describe(c));
    c.in_channels = 6;
    const Golden operands = separable_operands(c, type_of<TypeParam>);
    SeparableTrial<TypeParam> trial(c);
    const Golden forward = trial.forward(operands);
    const Golden backward = trial.backward(operands, {.sum = true});
    const Golden other = separable_operands(c, at::kHalf);  // rounded differently
    trial.forward(other);
    trial.backward(other, {.masked = true});
    for (const auto& [name, tensor] : trial.forward(operands)) {
      EXPECT_TRUE(tensor.equal(forward.at(name))) << name;
    }
    for (const auto& [name, tensor] : trial.backward(operands, {.sum = true})) {
      EXPECT_TRUE(tensor.equal(backward.at(name))) << name;
    }
  });
}

TYPED_TEST(SeparableKernel, GradientsAreTheSameWhateverElseIsWanted) {
  for_each_kind([](const SeparableCase& c) {
    SCOPED_TRACE(describe(c));
    const Golden operands = separable_operands(c, type_of<TypeParam>);
    const auto run = [&](const testing::SeparableWanted& wanted) {
      return SeparableTrial<TypeParam>(c).backward(operands, wanted);
    };
    const Golden all = run({.sum = true});
    const Golden masked = run({.masked = true});
    for (const std::string& name : of_weights) {
      EXPECT_TRUE(run({}).at(name).equal(all.at(name))) << name;
      EXPECT_TRUE(masked.at(name).equal(all.at(name))) << name;
    }
    EXPECT_TRUE(run({.weights = false, .sum = true}).at("grad_sum").equal(all.at("grad_sum")));
    const Golden alone = run({.weights = false, .masked = true});
    EXPECT_TRUE(alone.at("grad_masked").equal(masked.at("grad_masked")));
    EXPECT_TRUE(alone.at("masked_sums").equal(masked.at("masked_sums")));
  });
}

/// Expects NaN, infinities and their signs where ATen has them.
void expect_same_kind(const Golden& actual, const Golden& expected, const std::string& name) {
  const at::Tensor& wanted = expected.at(name);
  const at::Tensor found = testing::corner_of(actual.at(name), wanted);
  EXPECT_TRUE(found.isnan().equal(wanted.isnan())) << name;
  EXPECT_TRUE(found.isinf().equal(wanted.isinf())) << name;
  EXPECT_TRUE(found.isposinf().equal(wanted.isposinf())) << name;
}

TYPED_TEST(SeparableKernel, NotANumberAndInfinityGoWhereTheyGoInATen) {
  using Limits = std::numeric_limits<TypeParam>;
  for_each_target([] {
    for_each_kind([](const SeparableCase& c) {
      SCOPED_TRACE(describe(c));
      for (const double special : {double{Limits::quiet_NaN()}, double{Limits::infinity()}}) {
        Golden operands = separable_operands(c, type_of<TypeParam>);
        operands["input"][4][2][1] = special;
        const Golden forward = SeparableTrial<TypeParam>(c).forward(operands);
        expect_same_kind(forward, separable_expected(c, operands), "output");
        expect_same_kind(forward, separable_expected(c, operands), "sums");
        for (const char* where : {"g", "z"}) {
          operands = separable_operands(c, type_of<TypeParam>);
          operands[where][1][2][1] = special;
          const Golden backward = SeparableTrial<TypeParam>(c).backward(operands, {.sum = true});
          expect_same_kind(backward, separable_expected(c, operands), "grad_sum");
        }
      }
    });
  });
}

/// The mask is the input's sign: 0 and NaN are closed. But Σ grad · y takes in the NaN of y, so
/// that the batch norm's gradient still has it.
TYPED_TEST(SeparableKernel, NotANumberBeforeTheMaskIsInTheSums) {
  for_each_target([] {
    const SeparableCase c;
    Golden operands = separable_operands(c, type_of<TypeParam>);
    const double nan = std::numeric_limits<TypeParam>::quiet_NaN();
    operands["input"][4][2][1] = nan;
    operands["y"][4][2][1] = nan;
    const Golden found =
        SeparableTrial<TypeParam>(c).backward(operands, {.weights = false, .masked = true});
    EXPECT_EQ(found.at("grad_masked")[4][2][1].template item<double>(), 0.0);
    EXPECT_EQ(found.at("masked_sums").isnan().sum().template item<std::int64_t>(), 1);
    EXPECT_TRUE(found.at("masked_sums")[1][1].isnan().template item<bool>());
  });
}

}  // namespace
}  // namespace darts
