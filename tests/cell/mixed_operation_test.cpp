#include "support/module_helpers.hpp"

#include <darts/cell/mixed_operation.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::HasSubstr;
using testing::random_normal;

TEST(MixedOperation, IsTheWeightedSumOfItsOperations) {
  const auto primitives = parse_primitives({"skip_connect", "none", "skip_connect"});
  MixedOperation operation(primitives, OperationOptions{3, 1, false});
  const at::Tensor x = random_normal({2, 3, 4, 4}, 1);
  const at::Tensor weights = at::tensor({0.5, 7.0, 0.25}, at::kDouble);
  EXPECT_LT(testing::relative_error(operation->forward(x, weights), 0.75 * x), 1e-15);
}

TEST(MixedOperation, OneHotWeightsChooseAnOperation) {
  const auto primitives = default_primitives();
  MixedOperation operation(primitives, OperationOptions{4, 2, false});
  testing::make_double(*operation);
  const at::Tensor x = random_normal({2, 4, 6, 6}, 1);
  for (std::int64_t p = 0; p < 8; ++p) {
    at::Tensor weights = at::zeros({8}, at::kDouble);
    weights[p] = 1.0;
    const at::Tensor y = operation->forward(x, weights);
    // All but none end in a batch norm without scale: variance 1 (of a batch of 2 · 3 · 3).
    const double variance = y.pow(2).mean().item<double>();
    EXPECT_NEAR(variance, p == 0 ? 0.0 : 1.0, 0.02)
        << primitives[static_cast<std::size_t>(p)].name();
  }
}

TEST(MixedOperation, TakesAnyPrimitives) {
  const auto primitives = parse_primitives({"sep_conv_7x7", "conv_7x1_1x7", "max_pool_3x3"});
  for (const std::int64_t stride : {1, 2}) {
    MixedOperation operation(primitives, OperationOptions{4, stride, false});
    const at::Tensor y = operation->forward(at::zeros({1, 4, 5, 7}), at::full({3}, 1.0 / 3.0));
    EXPECT_EQ(y.sizes(), at::IntArrayRef({1, 4, stride == 1 ? 5 : 3, stride == 1 ? 7 : 4}));
  }
}

TEST(MixedOperation, RejectsWeightsOfTheWrongShape) {
  MixedOperation operation(default_primitives(), OperationOptions{4, 1, false});
  const at::Tensor x = at::zeros({1, 4, 4, 4});
  for (const at::Tensor& weights : {at::zeros({7}), at::zeros({9}), at::zeros({1, 8})}) {
    try {
      operation->forward(x, weights);
      ADD_FAILURE() << weights.sizes();
    } catch (const c10::Error& error) {
      EXPECT_THAT(error.what_without_backtrace(), HasSubstr("8 operations expected"));
    }
  }
}

TEST(MixedOperation, ClonesComputeTheSameOnTensorsOfTheirOwn) {
  for (const std::int64_t stride : {1, 2}) {
    auto primitives = default_primitives();
    primitives.push_back(Primitive::parse("conv_7x1_1x7"));
    MixedOperation operation(primitives, OperationOptions{4, stride, false});
    const auto copy =
        std::dynamic_pointer_cast<MixedOperationImpl>(std::as_const(*operation).clone());
    ASSERT_NE(copy, nullptr);
    const at::Tensor x = random_normal({2, 4, 6, 6}, 1).to(at::kFloat);
    const at::Tensor weights = at::softmax(random_normal({9}, 2), 0).to(at::kFloat);
    EXPECT_TRUE(operation->forward(x, weights).equal(copy->forward(x, weights)));
    const testing::Golden own = testing::state_of(*copy);
    for (const auto& [name, tensor] : testing::state_of(*operation)) {
      ASSERT_TRUE(own.contains(name)) << name;
      EXPECT_FALSE(own.at(name).is_alias_of(tensor)) << name;
    }
  }
}

}  // namespace
}  // namespace darts
