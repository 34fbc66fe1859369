#include "support/module_helpers.hpp"

#include <darts/ops/dropout.hpp>

#include <ATen/ops/ones.h>
#include <torch/nn/modules/container/sequential.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

using testing::random_normal;

constexpr double p = 0.3;

/// How many of `factors`, all of which are 0 or 1 / (1 − p), are 0.
double zeros_in(const at::Tensor& factors) {
  const at::Tensor zero = factors.eq(0.0);
  EXPECT_TRUE(at::logical_or(zero, (factors - 1.0 / (1.0 - p)).abs().lt(1e-12)).all().item<bool>());
  return zero.to(at::kDouble).mean().item<double>();
}

/// Of a share found among so many draws: five standard deviations.
double deviation(std::int64_t draws) {
  return 5.0 * std::sqrt(p * (1.0 - p) / static_cast<double>(draws));
}

TEST(SkipDropout, DropsValuesOneByOneAndKeepsTheirMean) {
  SkipDropout dropout;
  dropout->set_probability(p);
  const at::Tensor x = random_normal({16, 8, 12, 10}, 1).to(at::kDouble);
  EXPECT_NEAR(zeros_in(dropout->forward(x) / x), p, deviation(x.numel()));
}

TEST(EdgeDropPath, DropsImagesAsAWholeAndKeepsTheirMean) {
  EdgeDropPath drop;
  drop->set_probability(p);
  constexpr std::int64_t images = 20'000;
  const at::Tensor factors = drop->forward(at::ones({images, 2, 2, 1}, at::kDouble)).flatten(1);
  EXPECT_TRUE(factors.eq(factors.narrow(1, 0, 1)).all().item<bool>());
  EXPECT_NEAR(zeros_in(factors.select(1, 0)), p, deviation(images));
}

template <class Operation>
class Dropping : public ::testing::Test {};
using Operations = ::testing::Types<SkipDropout, EdgeDropPath>;
TYPED_TEST_SUITE(Dropping, Operations);

TYPED_TEST(Dropping, LetsAllPassAtFirstAndOutsideOfTraining) {
  TypeParam operation;
  const at::Tensor x = random_normal({64, 2, 3, 3}, 1);
  EXPECT_TRUE(operation->forward(x).equal(x));
  operation->set_probability(p);
  EXPECT_FALSE(operation->forward(x).equal(x));
  operation->eval();
  EXPECT_TRUE(operation->forward(x).equal(x));
}

TYPED_TEST(Dropping, IsAFunctionOfItsStreamAndOfThePassesSince) {
  torch::nn::Sequential network;
  network->push_back(TypeParam());
  network->push_back(TypeParam());
  set_skip_dropout(*network, p);
  set_edge_drop_path(*network, p);
  const at::Tensor x = random_normal({64, 2, 3, 3}, 1);
  const RandomStream stream(3, RandomPurpose::noise, 1, 2);
  restart_noise(*network, stream);
  const at::Tensor first = network->forward(x);
  EXPECT_FALSE(network->forward(x).equal(first));
  restart_noise(*network, stream);
  EXPECT_TRUE(network->forward(x).equal(first));
}

/// What is dropped has no gradient, what is kept has that of its factor.
TYPED_TEST(Dropping, HasTheGradientOfItsFactors) {
  TypeParam operation;
  operation->set_probability(p);
  const at::Tensor x = random_normal({32, 2, 3, 3}, 1).to(at::kDouble).requires_grad_();
  const at::Tensor y = operation->forward(x);
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal((y / x).detach()) ||
              (x.grad() - y / x).abs().max().template item<double>() < 1e-12);
}

}  // namespace
}  // namespace darts
