#include "ops/forced_target.hpp"
#include "ops/kernels/unit_trial.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::for_each_target;
using testing::Golden;
using testing::type_of;
using testing::unit_expected;
using testing::unit_operands;
using testing::unit_tolerances;
using testing::UnitCase;
using testing::UnitTrial;
using testing::UnitWanted;

template <class T>
class UnitKernel : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(UnitKernel, Types);

/// The pixels of the input that a unit without a depthwise convolution sees: height×width×1.
at::Tensor seen(const UnitCase& c) {
  at::Tensor pixels = at::zeros({c.height, c.width, 1}, at::kBool);
  for (std::int64_t y = c.offset; y < c.height; y += c.stride) {
    for (std::int64_t x = c.offset; x < c.width; x += c.stride) {
      pixels[y][x] = true;
    }
  }
  return pixels;
}

template <class T>
void compare_with_aten(const UnitCase& c) {
  SCOPED_TRACE(describe(c));
  const Golden operands = unit_operands(c, type_of<T>);
  Golden expected = unit_expected(c, operands);
  UnitTrial<T> trial(c);
  Golden found = trial.forward(operands);
  found.merge(trial.backward(operands));
  if (c.kernel == 1 && c.window == 1) {  // the others are as they were
    const at::Tensor& grad_x = found.at("grad_x");
    EXPECT_TRUE(grad_x.isnan().equal(seen(c).logical_not().expand_as(grad_x)));
    found["grad_x"] = grad_x.nan_to_num(0.0);
  }
  testing::expect_padded(found, expected, unit_tolerances<T>(c));
}

/// Calls `action` with every kind of unit.
template <class Action>
void for_each_kind(const Action& action) {
  for (const std::int64_t kernel : {3, 5, 7}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t dilation : {1, 2}) {
        UnitCase c;
        c.kernel = kernel;
        c.stride = stride;
        c.dilation = dilation;
        action(c);
        c.affine = true;
        action(c);
      }
    }
  }
  for (const auto& [stride, offset] : {std::pair{1, 0}, {2, 0}, {2, 1}}) {
    UnitCase c;
    c.kernel = 1;
    c.stride = stride;
    c.offset = offset;
    action(c);
  }
  for (const std::int64_t window : {1, 3, 5}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const bool relu : {true, false}) {
        UnitCase c;
        c.kernel = 1;
        c.window = window;
        c.stride = stride;
        c.relu = relu;
        action(c);
      }
    }
  }
}

TYPED_TEST(UnitKernel, EqualsATenForImagesOfAllSizes) {
  for_each_kind([](UnitCase c) {
    for (const auto& [height, width] :
         {std::pair{1, 1}, {1, 9}, {9, 1}, {2, 3}, {33, 8}, {3, 70}}) {
      c.height = height;
      c.width = width;
      compare_with_aten<TypeParam>(c);
    }
  });
}

TYPED_TEST(UnitKernel, EqualsATenForAllNumbersOfChannels) {
  for_each_kind([](UnitCase c) {
    for (const auto& [in, out] : {std::pair{1, 1}, {3, 1}, {8, 8}, {16, 17}, {36, 20}, {5, 41}}) {
      c.in_channels = in;
      c.out_channels = out;
      compare_with_aten<TypeParam>(c);
    }
  });
}

TYPED_TEST(UnitKernel, PixelsMayLieApart) {
  for_each_kind([](UnitCase c) {
    c.gap = 5;
    compare_with_aten<TypeParam>(c);
  });
}

TYPED_TEST(UnitKernel, EveryInstructionSetGivesTheSameUpToRounding) {
  for_each_target([] {
    for_each_kind([](UnitCase c) {
      c.in_channels = 19;
      c.out_channels = 11;
      c.width = 13;
      compare_with_aten<TypeParam>(c);
    });
  });
}

/// The working memory is left so that the next image can follow.
TYPED_TEST(UnitKernel, NextImageGivesWhatItGivesAlone) {
  for_each_kind([](const UnitCase& c) {
    SCOPED_TRACE(describe(c));
    const Golden operands = unit_operands(c, type_of<TypeParam>);
    UnitTrial<TypeParam> trial(c);
    Golden alone = trial.forward(operands);
    alone.merge(trial.backward(operands));
    const Golden other = unit_operands(c, at::kHalf);  // rounded differently
    trial.forward(other);
    trial.backward(other);
    Golden again = trial.forward(operands);
    again.merge(trial.backward(operands));
    for (const auto& [name, tensor] : alone) {
      EXPECT_TRUE(again.at(name).nan_to_num(9.0).equal(tensor.nan_to_num(9.0))) << name;
    }
  });
}

TYPED_TEST(UnitKernel, GradientsAreTheSameWhateverElseIsWanted) {
  for_each_kind([](const UnitCase& c) {
    SCOPED_TRACE(describe(c));
    const Golden operands = unit_operands(c, type_of<TypeParam>);
    const Golden all = UnitTrial<TypeParam>(c).backward(operands);
    for (const UnitWanted& wanted :
         {UnitWanted{true, false, false}, UnitWanted{false, true, false},
          UnitWanted{true, true, false}, UnitWanted{false, true, true}}) {
      for (const auto& [name, tensor] : UnitTrial<TypeParam>(c).backward(operands, wanted)) {
        EXPECT_TRUE(tensor.nan_to_num(9.0).equal(all.at(name).nan_to_num(9.0))) << name;
      }
    }
  });
}

/// One pixel of two channels, by hand: relu(2·(1, −3) + (0, 1)) = (2, 0); times the middle tap
/// (5, 5) is (10, 0); by the matrix ((1, −1), (4, 4)) it is (10, −10); the bias adds (0.5, 0).
TYPED_TEST(UnitKernel, WrittenOut) {
  UnitCase c;
  c.height = c.width = 1;
  c.in_channels = c.out_channels = 2;
  c.affine = true;
  Golden in = unit_operands(c, type_of<TypeParam>);
  const auto values = [](const std::vector<double>& of, at::IntArrayRef shape) {
    return at::tensor(of, at::kDouble).reshape(shape);
  };
  in["x"] = values({1, -3}, {1, 1, 2});
  in["scale"] = values({2, 2}, {2});
  in["shift"] = values({0, 1}, {2});
  in["depthwise"].fill_(100.0);  // of taps beyond the image
  in["depthwise"][1][1].fill_(5.0);
  in["pointwise"] = values({1, -1, 4, 4}, {2, 2});
  in["bias"] = values({0.5, 0}, {2});
  in["addend"] = values({1, 2}, {1, 1, 2});
  in["to moments"].zero_();
  const Golden forward = UnitTrial<TypeParam>(c).forward(in);
  const auto list = [](const at::Tensor& t) {
    const at::Tensor flat = t.to(at::kDouble).flatten().contiguous();
    return std::vector<double>(flat.const_data_ptr<double>(),
                               flat.const_data_ptr<double>() + flat.numel());
  };
  EXPECT_EQ(list(forward.at("z")), (std::vector<double>{10.5, -10}));
  EXPECT_EQ(list(forward.at("z_added")), (std::vector<double>{11.5, -8}));
  EXPECT_EQ(list(forward.at("moments").narrow(1, 0, 2)),
            (std::vector<double>{10.5, -10, 110.25, 100}));
  // The gradient of z is g = (1, 2): (1·1 − 1·2, 4·1 + 4·2) = (−1, 12) before the depthwise one,
  // times 5 at x; the second channel's ReLU is closed.
  in["g"] = values({1, 2}, {1, 1, 2});
  in["a"].fill_(1.0);
  in["b"].zero_();
  in["c"].zero_();
  for (const char* name : {"to moments_x", "to grad_depthwise", "to grad_pointwise"}) {
    in[name].zero_();
  }
  const Golden backward = UnitTrial<TypeParam>(c).backward(in);
  EXPECT_EQ(list(backward.at("grad_x")), (std::vector<double>{-5, 0}));
  EXPECT_EQ(list(backward.at("moments_x").narrow(1, 0, 2)), (std::vector<double>{-5, 0, -5, 0}));
  EXPECT_EQ(list(backward.at("grad_depthwise")[1][1].narrow(0, 0, 2)),
            (std::vector<double>{-2, 0}));
  EXPECT_EQ(list(backward.at("grad_pointwise")), (std::vector<double>{10, 20, 0, 0}));
}

TYPED_TEST(UnitKernel, NotANumberAndInfinityGoWhereTheyGoInATen) {
  using Limits = std::numeric_limits<TypeParam>;
  for_each_target([] {
    for_each_kind([](const UnitCase& c) {
      SCOPED_TRACE(describe(c));
      for (const double special : {Limits::quiet_NaN(), Limits::infinity()}) {
        Golden operands = unit_operands(c, type_of<TypeParam>);
        operands["x"][2][2][1] = special;  // which all units see that begin at [0][0]
        const Golden expected = unit_expected(c, operands);
        const at::Tensor found = UnitTrial<TypeParam>(c).forward(operands).at("z");
        EXPECT_TRUE(found.isnan().equal(expected.at("z").isnan()));
        EXPECT_TRUE(found.isinf().equal(expected.at("z").isinf()));
        if (!c.affine && c.offset == 0) {
          EXPECT_FALSE(found.isfinite().all().template item<bool>());
        }
      }
    });
  });
}

}  // namespace
}  // namespace darts
