#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/core/device.hpp>
#include <darts/ops/depthwise_conv.hpp>
#include <darts/ops/primitive.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <c10/core/MemoryFormat.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::random_normal;

TEST(DepthwiseConv, ConvolvesEveryChannelByItself) {
  for (const std::int64_t stride : {1, 2}) {
    DepthwiseConv module(DepthwiseConvOptions{3, 5, stride, 2});
    module->to(at::kDouble);
    const at::Tensor x = random_normal({2, 3, 9, 7}, 1);
    const at::Tensor y = module->forward(x);
    for (std::int64_t c = 0; c < 3; ++c) {
      const at::Tensor expected = at::conv2d(x.narrow(1, c, 1), module->weight.narrow(0, c, 1), {},
                                             {stride, stride}, {4, 4}, {2, 2});
      EXPECT_TRUE(y.narrow(1, c, 1).allclose(expected, 1e-12, 1e-12)) << c;
    }
  }
}

TEST(DepthwiseConv, CloneIsEqualAndIndependent) {
  DepthwiseConv depthwise(DepthwiseConvOptions{4, 3, 1, 2});
  depthwise->to(at::kDouble);
  depthwise->eval();
  const auto copy = std::dynamic_pointer_cast<DepthwiseConvImpl>(depthwise->clone());
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
