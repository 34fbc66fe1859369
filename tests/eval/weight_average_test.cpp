#include <darts/eval/weight_average.hpp>

#include <torch/nn/modules/batchnorm.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

TEST(WeightAverage, FollowsItsFormula) {
  torch::nn::BatchNorm2d network(1);
  torch::nn::BatchNorm2d average(1);
  const WeightAverage averaging(*average, *network);
  double expected_weight = 1.0;
  double expected_mean = 0.0;
  for (std::int64_t step = 0; step < 40; ++step) {
    const double value = 1.0 + static_cast<double>(step);
    network->weight.data().fill_(value);
    network->running_mean.fill_(-value);
    network->num_batches_tracked.fill_(step);
    averaging.update(0.9, step);
    const auto n = static_cast<double>(step);
    const double decay = std::min(0.9, (1.0 + n) / (10.0 + n));
    expected_weight = decay * expected_weight + (1.0 - decay) * value;
    expected_mean = decay * expected_mean - (1.0 - decay) * value;
    EXPECT_NEAR(average->weight.item<double>(), expected_weight, 1e-5 * expected_weight);
    EXPECT_NEAR(average->running_mean.item<double>(), expected_mean, 1e-5 * expected_weight);
    EXPECT_EQ(average->num_batches_tracked.item<std::int64_t>(), step);
  }
}

}  // namespace
}  // namespace darts
