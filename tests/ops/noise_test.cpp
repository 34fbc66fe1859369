#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <darts/ops/noise.hpp>
#include <darts/ops/primitive.hpp>

#include <torch/nn/modules/container/sequential.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

using testing::random_normal;

TEST(golden_noise, HasTheRecordedShapesAndNoGradientToItsInput) {
  testing::for_each_golden_file("methods/noise_op", ".pt", [](const auto& file) {
    const testing::Golden golden = testing::read_golden(file);
    for (const std::string& group : testing::groups_of(golden, 1)) {
      const testing::Golden recorded = testing::part_of(golden, group);
      // What comes out is what was drawn, whatever went in.
      EXPECT_TRUE(recorded.at("y").equal(recorded.at("drawn")));
      const at::Tensor x = recorded.at("x").clone().requires_grad_();
      const std::int64_t stride = x.size(2) / recorded.at("y").size(2);
      const at::Tensor y = Noise(stride)->forward(x);
      EXPECT_EQ(y.sizes(), recorded.at("y").sizes()) << group;
      EXPECT_EQ(y.scalar_type(), recorded.at("y").scalar_type());
      EXPECT_EQ(y.requires_grad(), recorded.at("has_grad_x").item<double>() != 0.0);
    }
  });
}

TEST(Noise, IsNormal) {
  const at::Tensor y = Noise(1)->forward(random_normal({8, 16, 32, 32}, 1));
  const double deviation = 1.0 / std::sqrt(static_cast<double>(y.numel()));
  EXPECT_LT(std::abs(y.mean().item<double>()), 5.0 * deviation);
  EXPECT_LT(std::abs(y.var().item<double>() - 1.0), 5.0 * std::sqrt(2.0) * deviation);
}

TEST(Noise, IsAFunctionOfItsStreamAndOfThePassesSince) {
  torch::nn::Sequential network(Noise(1), Noise(1));
  const at::Tensor x = random_normal({2, 3, 7, 5}, 1);
  const auto run = [&](std::size_t which) { return network->ptr<NoiseImpl>(which)->forward(x); };
  const RandomStream stream(3, RandomPurpose::noise, 1, 2);
  restart_noise(*network, stream);
  const at::Tensor first = run(0);
  const at::Tensor second = run(0);
  const at::Tensor other = run(1);
  EXPECT_FALSE(first.equal(second));
  EXPECT_FALSE(first.equal(other));
  restart_noise(*network, stream);
  EXPECT_TRUE(run(1).equal(other));  // whichever runs first
  EXPECT_TRUE(run(0).equal(first));
  EXPECT_TRUE(run(0).equal(second));
  restart_noise(*network, RandomStream(3, RandomPurpose::noise, 1, 3));
  EXPECT_FALSE(run(0).equal(first));
}

TEST(Noise, IsDrawnAgainAfterAMark) {
  torch::nn::Sequential network(Noise(1));
  const at::Tensor x = random_normal({2, 3, 7, 5}, 1);
  const auto run = [&] { return network->ptr<NoiseImpl>(0)->forward(x); };
  run();
  const NoiseMark mark(*network);
  const at::Tensor drawn = run();
  EXPECT_FALSE(run().equal(drawn));
  mark.rewind();
  EXPECT_TRUE(run().equal(drawn));
}

TEST(Noise, IsFoundInANetwork) {
  EXPECT_TRUE(has_noise(*torch::nn::Sequential(Noise(1))));
  torch::nn::Sequential without;
  without->push_back(Primitive::parse("sep_conv_3x3").make({4, 1}));
  EXPECT_FALSE(has_noise(*without));
}

TEST(Noise, HasTheSizeOfAStridedOperation) {
  EXPECT_EQ(Noise(2)->forward(random_normal({2, 3, 7, 5}, 1)).sizes(),
            (std::vector<std::int64_t>{2, 3, 4, 3}));
}

}  // namespace
}  // namespace darts
