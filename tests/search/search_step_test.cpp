#include "search/every_order.hpp"
#include "search/small_search.hpp"

#include <darts/search/search_step.hpp>

#include <ATen/ops/cross_entropy_loss.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace darts {
namespace {

using testing::copy_of_state;
using testing::Golden;
using ::testing::HasSubstr;
using testing::relative_error;
using testing::small_batch;

SearchStepOptions options_of(SearchOrder order) {
  SearchStepOptions options;
  options.order = order;
  return options;
}

/// The state after three steps from `seed`.
Golden after_three_steps(SearchOrder order, std::uint64_t seed) {
  Supernet supernet = testing::small_supernet(testing::small_options(), seed);
  SearchStep step(supernet, options_of(order));
  for (std::uint64_t i = 0; i < 3; ++i) {
    step.run(small_batch(10 + i), small_batch(20 + i), 0.025);
  }
  return copy_of_state(*supernet);
}

TEST(SearchStep, ThreeStepsAreAFunctionOfTheSeedToTheBit) {
  for (const SearchOrder order : testing::every_order()) {
    const Golden a = after_three_steps(order, 1);
    const Golden b = after_three_steps(order, 1);
    const Golden c = after_three_steps(order, 2);
    for (const auto& [name, tensor] : a) {
      EXPECT_TRUE(tensor.equal(b.at(name))) << name;
    }
    for (const std::string name : {"stem.0.weight", "alphas_normal", "classifier.weight"}) {
      EXPECT_FALSE(a.at(name).equal(c.at(name))) << name;
    }
  }
}

TEST(SearchStep, MethodsDiffer) {
  const Golden first = after_three_steps(SearchOrder::first, 1);
  EXPECT_FALSE(after_three_steps(SearchOrder::second, 1)
                   .at("alphas_normal")
                   .equal(first.at("alphas_normal")));
  EXPECT_FALSE(after_three_steps(SearchOrder::joint, 1)
                   .at("alphas_normal")
                   .equal(first.at("alphas_normal")));
}

TEST(SearchStep, ResultIsThatOfTheTrainBatchBeforeTheStep) {
  const Batch train = small_batch(2);
  Supernet supernet = testing::small_supernet();
  SearchStepOptions options = options_of(SearchOrder::joint);
  options.w.clip_norm = 0.01;
  SearchStep step(supernet, options);
  const at::Tensor logits = testing::logits_of(*supernet, train.images);
  const at::Tensor loss = at::cross_entropy_loss(logits, train.labels);
  loss.backward();
  double square = 0.0;
  for (const at::Tensor& weight : supernet->weights()) {
    square += weight.grad().pow(2).sum().item<double>();
  }
  const StepResult result = step.run(train, {}, 0.0);
  EXPECT_NEAR(result.loss, loss.item<double>(), 1e-12);
  EXPECT_NEAR(result.gradient_norm, std::sqrt(square), 1e-9);
  EXPECT_EQ(result.correct, logits.argmax(1).eq(train.labels).sum().item<std::int64_t>());
}

TEST(SearchStep, WeightsTakeOneClippedSgdStep) {
  const Batch train = small_batch(2);
  Supernet supernet = testing::small_supernet();
  SearchStepOptions options = options_of(SearchOrder::first);
  options.w.clip_norm = 0.5;
  options.alpha.learning_rate = 0.0;
  SearchStep step(supernet, options);
  const Golden before = copy_of_state(*supernet);
  const StepResult result = step.run(train, small_batch(3), 0.1);
  ASSERT_GT(result.gradient_norm, 0.5);

  double square = 0.0;  // of (w − w_after) / lr − weight decay · w, which is the clipped gradient
  for (const auto& item : supernet->named_parameters()) {
    if (!item.key().starts_with("alphas")) {
      const at::Tensor& w = before.at(item.key());
      square += ((w - item.value()) / 0.1 - 3e-4 * w).pow(2).sum().item<double>();
    }
  }
  EXPECT_NEAR(std::sqrt(square), 0.5, 1e-4);
}

TEST(SearchStep, JointMovesBothByTheGradientOfTheTrainLoss) {
  const Batch train = small_batch(2);
  Supernet supernet = testing::small_supernet();
  at::cross_entropy_loss(testing::logits_of(*supernet, train.images), train.labels).backward();
  const at::Tensor normal = supernet->alphas().normal.grad().clone();
  const at::Tensor reduce = supernet->alphas().reduce.grad().clone();
  supernet->zero_grad();

  SearchStep step(supernet, options_of(SearchOrder::joint));
  const Golden before = copy_of_state(*supernet);
  step.run(train, {}, 0.025);
  EXPECT_LT(relative_error(supernet->alphas().normal.grad(), normal), 1e-13);
  EXPECT_LT(relative_error(supernet->alphas().reduce.grad(), reduce), 1e-13);
  for (const auto& item : supernet->named_parameters()) {
    EXPECT_FALSE(item.value().equal(before.at(item.key()))) << item.key();
  }
  // The first step of Adam is learning_rate · sign, nearly.
  const at::Tensor moved = (supernet->alphas().normal - before.at("alphas_normal")).abs();
  EXPECT_NEAR(moved.max().item<double>(), 3e-4, 1e-8);
}

TEST(SearchStep, StatisticsMoveWithEveryPass) {
  const std::pair<SearchOrder, std::int64_t> passes[]{
      {SearchOrder::first, 2}, {SearchOrder::second, 4}, {SearchOrder::joint, 1}};
  for (const auto& [order, expected] : passes) {
    Supernet supernet = testing::small_supernet();
    SearchStep step(supernet, options_of(order));
    step.run(small_batch(2), small_batch(3), 0.025);
    for (const auto& item : supernet->named_buffers()) {
      if (item.key().ends_with("num_batches_tracked")) {
        EXPECT_EQ(item.value().item<std::int64_t>(), expected) << item.key();
      }
    }
  }
}

void expect_unmoved(const Supernet& supernet, const Golden& before, bool alpha_too) {
  for (const auto& item : supernet->named_parameters()) {
    if (alpha_too || !item.key().starts_with("alphas")) {
      EXPECT_TRUE(item.value().equal(before.at(item.key()))) << item.key();
    }
  }
}

Batch with_nan(Batch batch) {
  batch.images[1][0][2][3] = std::numeric_limits<double>::quiet_NaN();
  return batch;
}

TEST(SearchStep, ANanInTheValidBatchMovesNothing) {
  for (const SearchOrder order : testing::every_order()) {
    if (!find_order(order).bilevel) {
      continue;
    }
    Supernet supernet = testing::small_supernet();
    SearchStep step(supernet, options_of(order));
    const Golden before = copy_of_state(*supernet);
    EXPECT_THROW(step.run(small_batch(2), with_nan(small_batch(3)), 0.025), NonFiniteError);
    expect_unmoved(supernet, before, true);
  }
}

TEST(SearchStep, ANanInTheTrainBatchMovesNothingThatSawIt) {
  for (const SearchOrder order : testing::every_order()) {
    Supernet supernet = testing::small_supernet();
    SearchStep step(supernet, options_of(order));
    const Golden before = copy_of_state(*supernet);
    try {
      step.run(with_nan(small_batch(2)), small_batch(3), 0.025);
      ADD_FAILURE() << "no NonFiniteError";
    } catch (const NonFiniteError& error) {
      EXPECT_THAT(error.what(), HasSubstr("norm of alpha"));
    }
    // In first order alpha has moved by then, by the gradient of the valid batch alone.
    expect_unmoved(supernet, before, order != SearchOrder::first);
    EXPECT_TRUE(supernet->alphas().normal.isfinite().all().item<bool>());
  }
}

TEST(CosineLearningRate, GoesFromTheFirstRateDownTowardsTheLast) {
  WeightOptions options;
  options.learning_rate = 0.1;
  options.learning_rate_min = 0.02;
  EXPECT_DOUBLE_EQ(cosine_learning_rate(options, 0, 50), 0.1);
  EXPECT_NEAR(cosine_learning_rate(options, 25, 50), 0.06, 1e-15);
  EXPECT_NEAR(cosine_learning_rate(options, 50, 50), 0.02, 1e-15);
  EXPECT_NEAR(cosine_learning_rate(options, 10, 60), 0.02 + 0.08 * (1.0 + std::sqrt(0.75)) / 2.0,
              1e-15);
  for (std::int64_t epoch = 1; epoch < 50; ++epoch) {
    EXPECT_LT(cosine_learning_rate(options, epoch, 50),
              cosine_learning_rate(options, epoch - 1, 50));
  }
  EXPECT_DOUBLE_EQ(cosine_learning_rate(options, 0, 1), 0.1);
}

}  // namespace
}  // namespace darts
