#include "ops/forced_target.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/threads.hpp"

#include <darts/ops/conv_block.hpp>
#include <darts/ops/count.hpp>
#include <darts/ops/drop_path.hpp>
#include <darts/ops/factorized_reduce.hpp>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace darts {
namespace {

using testing::for_each_target;
using testing::Golden;
using testing::random_normal;

enum class Kind { separable, dilated, pointwise, factorized };

struct Setting {
  std::string name;
  Kind kind = Kind::separable;
  std::int64_t images = 3;
  std::int64_t in = 4;
  std::int64_t out = 4;
  std::int64_t height = 8;
  std::int64_t width = 8;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  bool extras = true;  ///< with drop path and an addend
  bool affine = true;  ///< batch norms with scale and shift

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

torch::nn::AnyModule make(const Setting& s) {
  ConvBlockOptions o{s.in, s.out, s.kernel, s.stride, 1, s.affine};
  switch (s.kind) {
    case Kind::separable:
      return torch::nn::AnyModule(SepConv(o));
    case Kind::dilated:
      o.dilation = 2;
      return torch::nn::AnyModule(DilConv(o));
    case Kind::pointwise:
      o.kernel_size = 1;
      return torch::nn::AnyModule(ReluConvBn(o));
    case Kind::factorized:
      break;
  }
  return torch::nn::AnyModule(FactorizedReduce(FactorizedReduceOptions{s.in, s.out, s.affine}));
}

/// An operation, what goes in, and what comes out.
struct Trial {
  explicit Trial(const Setting& s, at::ScalarType type = at::kDouble) : module(make(s)) {
    testing::make_double(*module.ptr());
    testing::randomize_parameters(*module.ptr(), 0.5, 7);
    if (type == at::kFloat) {
      const c10::NoGradGuard no_grad;
      for (auto& tensor : module.ptr()->parameters()) {
        tensor.set_data(tensor.to(type));
      }
      for (auto& tensor : module.ptr()->buffers()) {
        tensor.set_data(tensor.is_floating_point() ? tensor.to(type) : tensor);
      }
    }
    x = random_normal({s.images, s.in, s.height, s.width}, 1).to(type).requires_grad_();
    if (s.extras) {
      const std::int64_t step = s.kind == Kind::factorized ? 2 : s.stride;
      output.addend =
          random_normal({s.images, s.out, (s.height - 1) / step + 1, (s.width - 1) / step + 1}, 2)
              .to(type)
              .requires_grad_();
      output.drop_path = (random_normal({s.images}, 3) > 0.0).to(type) * 1.25;
    }
  }

  const NormBlock& block() { return dynamic_cast<const NormBlock&>(*module.ptr()); }

  at::Tensor plain() {
    at::Tensor y = module.forward<at::Tensor>(x);
    y = output.drop_path.defined() ? drop_images(y, output.drop_path) : y;
    return output.addend.defined() ? output.addend + y : y;
  }
  at::Tensor fused() { return run_fused(block(), x, output).value(); }

  /// Output, gradients, and running statistics, by name. The gradient of the output is a slice of
  /// channels, as behind a concatenation.
  Golden everything(const at::Tensor& y) {
    const std::int64_t channels = y.size(1);
    const at::Tensor wide =
        random_normal({y.size(0), 2 * channels, y.size(2), y.size(3)}, 4).to(y.scalar_type());
    y.backward(wide.contiguous(at::MemoryFormat::ChannelsLast)
                   .slice(1, channels / 2, channels / 2 + channels));
    Golden all = testing::copy_of_state(*module.ptr());
    for (const auto& parameter : module.ptr()->named_parameters()) {
      all["grad " + parameter.key()] = parameter.value().grad();
    }
    all["grad x"] = x.grad();
    all["out"] = y.detach();
    if (output.addend.defined()) {
      all["grad addend"] = output.addend.grad();
    }
    return all;
  }

  torch::nn::AnyModule module;
  at::Tensor x;
  NormBlockOutput output;
};

void expect_close(const Golden& actual, const Golden& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name) && actual.at(name).defined()) << name;
    ASSERT_EQ(actual.at(name).sizes(), tensor.sizes()) << name;
    const at::Tensor of = tensor.to(at::kDouble);
    const double error = (actual.at(name).to(at::kDouble) - of).abs().max().item<double>();
    EXPECT_LT(error, tolerance * std::max(of.abs().max().item<double>(), 1e-2)) << name;
  }
}

class NormBlockTest : public ::testing::TestWithParam<Setting> {};

TEST_P(NormBlockTest, ComputesWhatThePlainOneDoes) {
  Trial plain(GetParam());
  Trial fused(GetParam());
  const Golden expected = plain.everything(plain.plain());
  expect_close(fused.everything(fused.fused()), expected, 1e-11);
}

/// A trained operation in evaluation mode, where images have nothing to do with each other.
Trial tested(const Setting& setting, at::ScalarType type = at::kDouble) {
  Trial trial(setting, type);
  trial.module.ptr()->train();
  {
    const c10::NoGradGuard no_grad;
    trial.plain();
  }
  trial.module.ptr()->eval();
  trial.output.drop_path = at::Tensor();
  return trial;
}

TEST_P(NormBlockTest, EveryInstructionSetGivesTheSameUpToRounding) {
  Trial plain(GetParam());
  const Golden expected = plain.everything(plain.plain());
  Trial plain_tested = tested(GetParam());
  for_each_target([&] {
    Trial wide(GetParam());
    expect_close(wide.everything(wide.fused()), expected, 1e-11);
    Trial narrow(GetParam(), at::kFloat);
    expect_close(narrow.everything(narrow.fused()), expected, 2e-3);
    const c10::NoGradGuard no_grad;
    const Golden output{{"out", plain_tested.plain()}};
    expect_close({{"out", tested(GetParam()).fused()}}, output, 1e-11);
    expect_close({{"out", tested(GetParam(), at::kFloat).fused()}}, output, 2e-3);
  });
}

TEST_P(NormBlockTest, NotANumberAndInfinityGoWhereTheyGoInThePlainOne) {
  const c10::NoGradGuard no_grad;
  const Setting& s = GetParam();
  for (const double special :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Trial plain = tested(s, at::kFloat);
    plain.x[s.images - 1][s.in - 1][s.height / 2][s.width / 2] = special;
    const at::Tensor expected = plain.plain();
    for_each_target([&] {
      Trial fused = tested(s, at::kFloat);
      fused.x.copy_(plain.x);
      const at::Tensor actual = fused.fused();
      EXPECT_TRUE(actual.isnan().equal(expected.isnan()));
      EXPECT_TRUE(actual.isposinf().equal(expected.isposinf()));
      EXPECT_TRUE(actual.isneginf().equal(expected.isneginf()));
    });
  }
}

TEST_P(NormBlockTest, IsNearThePlainOneInFloat32) {
  Trial plain(GetParam());
  Trial fused(GetParam(), at::kFloat);
  const Golden expected = plain.everything(plain.plain());
  expect_close(fused.everything(fused.fused()), expected, 2e-3);
}

TEST_P(NormBlockTest, UsesTheRunningStatisticsInEvaluationMode) {
  Trial plain(GetParam());
  Trial fused(GetParam());
  plain.plain();
  fused.fused();
  plain.module.ptr()->eval();
  fused.module.ptr()->eval();
  fused.output.drop_path = plain.output.drop_path = at::Tensor();
  EXPECT_FALSE(run_fused(fused.block(), fused.x).has_value());  // with gradients the plain way
  const c10::NoGradGuard no_grad;
  expect_close({{"out", fused.fused()}}, {{"out", plain.plain()}}, 1e-11);
}

TEST_P(NormBlockTest, DoesNotDependOnThreads) {
  testing::expect_independent_of_threads([] {
    Trial trial(GetParam(), at::kFloat);
    return trial.everything(trial.fused());
  });
}

TEST_P(NormBlockTest, TellsItsMultiplyAdds) {
  const c10::NoGradGuard no_grad;
  Trial trial(GetParam());
  trial.output = {};
  EXPECT_EQ(count_multiply_adds([&] { trial.fused(); }),
            count_multiply_adds([&] { trial.plain(); }));
}

TEST(NormBlock, AveragesRunningStatisticsWithoutAMomentum) {
  Trial plain(Setting{});
  Trial fused(Setting{});
  for (Trial* trial : {&plain, &fused}) {
    for (const auto& unit : trial->block().units()) {
      unit.norm->options.momentum(std::nullopt);
    }
  }
  for (int i = 0; i < 3; ++i) {
    const c10::NoGradGuard no_grad;
    plain.plain();
    fused.fused();
    plain.x = fused.x = plain.x * 1.5;
  }
  expect_close(testing::copy_of_state(*fused.module.ptr()),
               testing::copy_of_state(*plain.module.ptr()), 1e-11);
}

TEST(NormBlock, LeavesTheRestToThePlainWay) {
  Trial trial(Setting{});
  EXPECT_FALSE(run_fused(trial.block(), trial.x.to(at::kFloat)).has_value());
  EXPECT_FALSE(run_fused(trial.block(), trial.x.slice(1, 1)).has_value());
  EXPECT_FALSE(run_fused(trial.block(), trial.x.slice(0, 1, 2).slice(2, 1, 2).slice(3, 1, 2))
                   .has_value());  // one value a channel
}

const std::vector<Setting> settings = {
    {.name = "separable"},
    {.name = "separable_strided", .stride = 2},
    {.name = "separable_5x5", .height = 7, .width = 5, .kernel = 5},
    {.name = "separable_7x7_strided", .height = 9, .width = 6, .kernel = 7, .stride = 2},
    {.name = "one_channel", .in = 1, .out = 1, .extras = false},
    {.name = "channels_of_the_paper", .in = 36, .out = 36, .height = 11, .width = 16},
    {.name = "more_channels", .in = 72, .out = 72, .height = 4, .width = 4},
    {.name = "odd_channels", .in = 21, .out = 25, .stride = 2, .extras = false},
    {.name = "one_image", .images = 1, .in = 17, .out = 17},
    {.name = "one_pixel", .images = 5, .height = 1, .width = 1},
    {.name = "many_images", .images = 70, .height = 3, .width = 3},
    {.name = "dilated", .kind = Kind::dilated},
    {.name = "dilated_5x5", .kind = Kind::dilated, .in = 36, .out = 36, .kernel = 5},
    {.name = "dilated_strided", .kind = Kind::dilated, .height = 9, .width = 7, .stride = 2},
    {.name = "pointwise", .kind = Kind::pointwise, .in = 144, .out = 36},
    {.name = "pointwise_odd", .kind = Kind::pointwise, .in = 5, .out = 3, .height = 7, .width = 3},
    {.name = "factorized", .kind = Kind::factorized, .in = 12, .out = 10},
    {.name = "factorized_odd",
     .kind = Kind::factorized,
     .in = 36,
     .out = 35,
     .height = 7,
     .width = 5},
    {.name = "factorized_pixel", .kind = Kind::factorized, .height = 1, .width = 1},
    {.name = "separable_search", .affine = false},
    {.name = "pointwise_search",
     .kind = Kind::pointwise,
     .in = 48,
     .out = 16,
     .extras = false,
     .affine = false},
    {.name = "factorized_search", .kind = Kind::factorized, .out = 6, .affine = false},
};
INSTANTIATE_TEST_SUITE_P(Settings, NormBlockTest, ::testing::ValuesIn(settings),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace darts
