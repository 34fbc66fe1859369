#include <darts/ops/count.hpp>
#include <darts/ops/primitive.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <gtest/gtest.h>

#include <stdexcept>

namespace darts {
namespace {

std::int64_t multiply_adds_of(const std::function<void()>& forward) {
  const c10::NoGradGuard no_grad;
  return count_multiply_adds(forward);
}

TEST(Count, ParametersOfModulesAndTheirChildren) {
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(4, 6, 3));
  EXPECT_EQ(count_parameters(*conv), 4 * 6 * 9 + 6);
  auto operation = Primitive::parse("sep_conv_3x3").make({4, 1, true});
  EXPECT_EQ(count_parameters(*operation.ptr()), 2 * (4 * 9 + 4 * 4 + 2 * 4));
  EXPECT_EQ(
      count_parameters(*torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).affine(false))), 0);
}

TEST(Count, MultiplyAddsOfConvolutionsWithGroupsAndStride) {
  torch::nn::Conv2d conv(torch::nn::Conv2dOptions(8, 12, 3).groups(4).stride(2).padding(1));
  EXPECT_EQ(multiply_adds_of([&] { conv->forward(at::zeros({1, 8, 9, 9})); }), 12 * 5 * 5 * 2 * 9);
  EXPECT_EQ(multiply_adds_of([&] {
              conv->forward(at::zeros({3, 8, 9, 9}));
            }),
            3 * 12 * 5 * 5 * 2 * 9);
}

TEST(Count, MultiplyAddsOfLinearLayersAndOfNothing) {
  torch::nn::Linear linear(20, 7);
  EXPECT_EQ(multiply_adds_of([&] { linear->forward(at::zeros({1, 20})); }), 140);
  torch::nn::BatchNorm2d norm(3);
  EXPECT_EQ(multiply_adds_of([&] { norm->forward(at::zeros({2, 3, 4, 4})); }), 0);
}

TEST(Count, EachCountStartsAnewEvenAfterAnException) {
  torch::nn::Linear linear(20, 7);
  const auto run = [&] { linear->forward(at::zeros({1, 20})); };
  EXPECT_THROW(multiply_adds_of([&] {
                 run();
                 throw std::runtime_error("stop");
               }),
               std::runtime_error);
  EXPECT_EQ(multiply_adds_of(run), 140);
  run();  // outside: no callback is left that would count this
  EXPECT_EQ(multiply_adds_of(run), 140);
}

}  // namespace
}  // namespace darts
