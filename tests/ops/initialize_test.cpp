#include "support/module_helpers.hpp"

#include <darts/ops/depthwise_conv.hpp>
#include <darts/ops/initialize.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

using testing::state_of;

torch::nn::Sequential small_network() {
  return torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(8, 32, 3).groups(4)),
                               torch::nn::BatchNorm2d(32), torch::nn::Linear(100, 50));
}

TEST(InitializeWeights, IsAFunctionOfTheSeedAlone) {
  auto a = small_network();
  auto b = small_network();
  auto c = small_network();
  initialize_weights(*a, 5);
  initialize_weights(*b, 5);
  initialize_weights(*c, 6);
  for (const std::string name : {"0.weight", "0.bias", "2.weight", "2.bias"}) {
    EXPECT_TRUE(state_of(*a).at(name).equal(state_of(*b).at(name))) << name;
    EXPECT_FALSE(state_of(*a).at(name).equal(state_of(*c).at(name))) << name;
  }
}

TEST(InitializeWeights, IsUniformWithinOneOverTheRootOfFanIn) {
  auto network = small_network();
  initialize_weights(*network, 5);
  const auto check = [&](const std::string& name, double fan_in) {
    const at::Tensor values = state_of(*network).at(name).detach().to(at::kDouble);
    const double bound = 1.0 / std::sqrt(fan_in);
    EXPECT_LE(values.abs().max().item<double>(), bound) << name;
    EXPECT_GT(values.abs().max().item<double>(), 0.8 * bound) << name;
    EXPECT_NEAR(values.pow(2).mean().item<double>(), bound * bound / 3.0, bound * bound * 0.15)
        << name;
  };
  check("0.weight", 2 * 9);
  check("0.bias", 2 * 9);
  check("2.weight", 100);
  check("2.bias", 100);
}

// PyTorch 0.3 took 1 / √(C_in · k²) for a convolution of any groups: torch/nn/modules/conv.py,
// reset_parameters().
TEST(InitializeWeights, OfPyTorch03DoNotDivideTheInputsByTheGroups) {
  auto modern = small_network();
  auto old = small_network();
  initialize_weights(*modern, 5);
  initialize_weights(*old, 5, WeightInit::pytorch_0_3);
  const double groups = 4.0;
  for (const std::string name : {"0.weight", "0.bias"}) {
    EXPECT_TRUE(state_of(*old).at(name).allclose(state_of(*modern).at(name) / std::sqrt(groups),
                                                 /*rtol=*/1e-6, /*atol=*/0.0))
        << name;
  }
  EXPECT_LE(state_of(*old).at("0.weight").abs().max().item<double>(), 1.0 / std::sqrt(8 * 9));
  for (const std::string name : {"2.weight", "2.bias"}) {
    EXPECT_TRUE(state_of(*old).at(name).equal(state_of(*modern).at(name))) << name;
  }
}

TEST(InitializeWeights, OfPyTorch03DrawDepthwiseWeightsSmallerByTheRootOfTheirChannels) {
  DepthwiseConv modern(DepthwiseConvOptions{.channels = 16, .kernel_size = 5});
  DepthwiseConv old(DepthwiseConvOptions{.channels = 16, .kernel_size = 5});
  initialize_weights(*modern, 5);
  initialize_weights(*old, 5, WeightInit::pytorch_0_3);
  EXPECT_TRUE(old->weight.allclose(modern->weight / 4.0, /*rtol=*/1e-6, /*atol=*/0.0));
}

TEST(InitializeWeights, LayersOfOneShapeGetDifferentWeights) {
  torch::nn::Sequential network(torch::nn::Linear(4, 4), torch::nn::Linear(4, 4));
  initialize_weights(*network, 1);
  EXPECT_FALSE(state_of(*network).at("0.weight").equal(state_of(*network).at("1.weight")));
}

TEST(InitializeWeights, LeavesBatchNormsAlone) {
  auto network = small_network();
  initialize_weights(*network, 5);
  EXPECT_TRUE(state_of(*network).at("1.weight").eq(1.0).all().item<bool>());
  EXPECT_TRUE(state_of(*network).at("1.bias").eq(0.0).all().item<bool>());
}

}  // namespace
}  // namespace darts
