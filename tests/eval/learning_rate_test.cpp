#include <darts/eval/learning_rate.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace darts {
namespace {

TEST(LearningRate, CosineOfTheCifarRecipe) {
  const LearningRateOptions options;  // 0.025 → 0
  EXPECT_DOUBLE_EQ(learning_rate(options, 0, 600), 0.025);
  EXPECT_NEAR(learning_rate(options, 300, 600), 0.0125, 1e-15);
  for (std::int64_t epoch = 0; epoch < 600; ++epoch) {
    const double half_turn = std::numbers::pi * static_cast<double>(epoch) / 600.0;
    EXPECT_NEAR(learning_rate(options, epoch, 600), 0.025 * std::pow(std::cos(half_turn / 2), 2),
                1e-15);
  }
}

TEST(LearningRate, CosineEndsAtItsMinimum) {
  LearningRateOptions options;
  options.minimum = 0.001;
  EXPECT_NEAR(learning_rate(options, 1000000, 1000000), 0.001, 1e-12);
}

TEST(LearningRate, ExponentialOfTheImageNetRecipe) {
  LearningRateOptions options;
  options.schedule = LearningRateSchedule::exponential;
  options.start = 0.1;
  double expected = 0.1;
  for (std::int64_t epoch = 0; epoch < 250; ++epoch, expected *= 0.97) {
    EXPECT_NEAR(learning_rate(options, epoch, 250), expected, 1e-14);
  }
  options.minimum = 0.05;
  EXPECT_DOUBLE_EQ(learning_rate(options, 249, 250), 0.05);
}

TEST(LearningRate, LinearWithWarmUpOfLargeBatches) {
  LearningRateOptions options;
  options.schedule = LearningRateSchedule::linear;
  options.start = 0.5;
  options.warmup_epochs = 5;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0, 250), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1, 250), 0.5 * (249.0 / 250.0) * 0.4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 5, 250), 0.5 * (245.0 / 250.0));
  EXPECT_DOUBLE_EQ(learning_rate(options, 249, 250), 0.5 / 250.0);
}

}  // namespace
}  // namespace darts
