#include "ops/forced_target.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/core/device.hpp>
#include <darts/ops/depthwise_conv.hpp>
#include <darts/ops/primitive.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/autograd.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace darts {
namespace {

using testing::random_normal;
using testing::relative_error;

struct Case {
  DepthwiseConvOptions options;
  std::int64_t images = 2;
  std::int64_t height = 9;
  std::int64_t width = 7;
};

std::string describe(const Case& c) {
  const auto& o = c.options;
  return c10::str(c.images, "x", o.channels, "x", c.height, "x", c.width, ", kernel ",
                  o.kernel_size, ", stride ", o.stride, ", dilation ", o.dilation);
}

struct Results {
  at::Tensor y;
  at::Tensor grad_x;
  at::Tensor grad_weight;
};

Results run(ReluDepthwiseConv& module, const at::Tensor& x, const at::Tensor& grad_y, bool plain) {
  const at::Tensor input = x.detach().clone(at::MemoryFormat::ChannelsLast).requires_grad_();
  module->zero_grad();
  Results r;
  r.y = plain ? module->plain_forward(input) : module->forward(input);
  r.y.backward(grad_y);
  r.grad_x = input.grad();
  r.grad_weight = module->weight.grad().clone();
  return r;
}

void compare_with_plain(const Case& c, c10::ScalarType type, double tolerance) {
  SCOPED_TRACE(describe(c));
  ReluDepthwiseConv module(c.options);
  module->weight.set_data(random_normal(module->weight.sizes(), 1).to(type));
  const at::Tensor x = random_normal({c.images, c.options.channels, c.height, c.width}, 2).to(type);
  const at::Tensor grad_y = random_normal(module->plain_forward(x).sizes(), 3).to(type);
  const Results plain = run(module, x, grad_y, true);
  const Results ours = run(module, x, grad_y, false);
  EXPECT_TRUE(ours.y.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(relative_error(ours.y, plain.y), tolerance) << "y";
  EXPECT_LT(relative_error(ours.grad_x, plain.grad_x), tolerance) << "grad_x";
  EXPECT_LT(relative_error(ours.grad_weight, plain.grad_weight), tolerance) << "grad_weight";
}

/// Odd sizes, one image, one channel, channels that are no multiple of a vector.
void compare_grid(c10::ScalarType type, double tolerance) {
  for (const std::int64_t kernel : {3, 5, 7}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t dilation : {1, 2}) {
        for (const std::int64_t channels : {1, 2, 3, 4, 7, 8, 12, 16, 17, 36}) {
          compare_with_plain({{channels, kernel, stride, dilation}}, type, tolerance);
        }
        compare_with_plain({{5, kernel, stride, dilation}, 1, 1, 1}, type, tolerance);
        compare_with_plain({{4, kernel, stride, dilation}, 3, 2, 17}, type, tolerance);
        compare_with_plain({{16, kernel, stride, dilation}, 1, 16, 16}, type, tolerance);
      }
    }
  }
}

TEST(ReluDepthwiseConv, EqualsLibTorchInFloat64) { compare_grid(at::kDouble, 1e-13); }

TEST(ReluDepthwiseConv, EqualsLibTorchInFloat32) { compare_grid(at::kFloat, 2e-6); }

TEST(ReluDepthwiseConv, WorksInBandsWhereAnImageIsLargerThanTheCache) {
  compare_with_plain({{40, 5, 1, 2}, 1, 90, 100}, at::kFloat, 2e-6);
  compare_with_plain({{40, 5, 2, 2}, 1, 91, 101}, at::kFloat, 2e-6);
}

TEST(ReluDepthwiseConv, EveryInstructionSetOfThisMachineGivesTheSame) {
  testing::for_each_target([] {
    for (const std::int64_t channels : {3, 8, 36}) {
      for (const std::int64_t stride : {1, 2}) {
        compare_with_plain({{channels, 5, stride, 2}}, at::kFloat, 2e-6);
        compare_with_plain({{channels, 3, stride, 1}}, at::kDouble, 1e-13);
      }
    }
  });
}

TEST(ReluDepthwiseConv, DoesNotDependOnTheNumberOfThreads) {
  ReluDepthwiseConv module(DepthwiseConvOptions{16, 5, 1, 2});
  const at::Tensor x = random_normal({7, 16, 12, 12}, 1).to(at::kFloat);
  const at::Tensor grad_y = random_normal(x.sizes(), 2).to(at::kFloat);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Results one = run(module, x, grad_y, false);
  at::set_num_threads(3);
  const Results three = run(module, x, grad_y, false);
  at::set_num_threads(before);
  EXPECT_TRUE(one.y.equal(three.y));
  EXPECT_TRUE(one.grad_x.equal(three.grad_x));
  EXPECT_TRUE(one.grad_weight.equal(three.grad_weight));
}

TEST(ReluDepthwiseConv, NotANumberAndInfinityGoThrough) {
  ReluDepthwiseConv module(DepthwiseConvOptions{16, 3, 1, 1});
  at::Tensor x = random_normal({1, 16, 5, 5}, 1).to(at::kFloat);
  x[0][3][2][2] = std::numeric_limits<float>::quiet_NaN();
  x[0][4][2][2] = std::numeric_limits<float>::infinity();
  const at::Tensor plain = module->plain_forward(x);
  testing::for_each_target([&] {
    const at::Tensor ours = module->forward(x);
    EXPECT_TRUE(ours.isnan().equal(plain.isnan()));
    EXPECT_TRUE(ours.isinf().equal(plain.isinf()));
  });
}

TEST(ReluDepthwiseConv, GradientsAreComputedOnlyWhereWanted) {
  ReluDepthwiseConv module(DepthwiseConvOptions{4, 3, 1, 1});
  module->weight.set_requires_grad(false);
  const at::Tensor x = random_normal({1, 4, 5, 5}, 1).to(at::kFloat).requires_grad_();
  module->forward(x).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(module->weight.grad().defined());
}

TEST(ReluDepthwiseConv, CanBeDifferentiatedTwice) {
  ReluDepthwiseConv module(DepthwiseConvOptions{2, 3, 2, 1});
  module->to(at::kDouble);
  const at::Tensor x = random_normal({1, 2, 6, 5}, 1).requires_grad_();
  const auto penalty = [&](bool plain) {
    const at::Tensor y = plain ? module->plain_forward(x) : module->forward(x);
    const auto first =
        torch::autograd::grad({y.square().sum()}, {x, module->weight}, {}, true, true);
    const at::Tensor norm = first[0].square().sum() + first[1].square().sum();
    return torch::autograd::grad({norm}, {x, module->weight});
  };
  const auto ours = penalty(false);
  const auto plain = penalty(true);
  EXPECT_LT(relative_error(ours[0], plain[0]), 1e-12);
  EXPECT_LT(relative_error(ours[1], plain[1]), 1e-12);
}

TEST(ReluDepthwiseConv, CloneIsEqualAndIndependent) {
  ReluDepthwiseConv depthwise(DepthwiseConvOptions{4, 3, 1, 2});
  depthwise->to(at::kDouble);
  depthwise->eval();
  const auto copy = std::dynamic_pointer_cast<ReluDepthwiseConvImpl>(depthwise->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_FALSE(copy->is_training());
  EXPECT_TRUE(copy->weight.requires_grad());
  const at::Tensor x = random_normal({1, 4, 6, 6}, 2);
  EXPECT_TRUE(copy->forward(x).equal(depthwise->forward(x)));
  copy->weight.set_data(copy->weight.detach() + 1.0);
  EXPECT_FALSE(copy->forward(x).equal(depthwise->forward(x)));
}

/// Gradients of an operation by its input and all its weights, as one vector.
at::Tensor gradients(torch::nn::AnyModule& operation, const at::Tensor& x, Precision precision) {
  operation.ptr()->zero_grad();
  const at::Tensor input = x.detach().clone(at::MemoryFormat::ChannelsLast).requires_grad_();
  at::Tensor y;
  {
    const AutocastGuard autocast(at::kCPU, precision);
    y = operation.forward<at::Tensor>(input);
  }
  y = y.to(at::kFloat);
  (y * random_normal(y.sizes(), 3).to(at::kFloat)).sum().backward();
  std::vector<at::Tensor> all{input.grad().flatten()};
  for (const at::Tensor& parameter : operation.ptr()->parameters()) {
    all.push_back(parameter.grad().flatten());
  }
  return at::cat(all);
}

// Without the exception for dilated convolutions, one run in two of these is NaN or far off.
TEST(Bf16OnCpu, GradientsOfAllOperationsAreThoseOfFloat32UpToRounding) {
  for (const std::int64_t channels : {2, 3, 16}) {
    for (const PrimitiveRow& row : primitive_table()) {
      if (row.kind != PrimitiveKind::conv) {
        continue;
      }
      torch::nn::AnyModule operation = row.make(OperationOptions{channels, 1, false});
      testing::randomize_parameters(*operation.ptr(), 0.5, 7);
      operation.ptr()->to(at::kCPU, at::kFloat);
      const at::Tensor x = random_normal({16, channels, 32, 32}, 5).to(at::kFloat);
      const at::Tensor expected = gradients(operation, x, Precision::fp32);
      for (int run = 0; run < 4; ++run) {
        const at::Tensor actual = gradients(operation, x, Precision::bf16);
        const double error = ((actual - expected).norm() / expected.norm()).item<double>();
        EXPECT_LT(error, 0.1) << row.name << ", " << channels << " channels";
      }
    }
  }
}

}  // namespace
}  // namespace darts
