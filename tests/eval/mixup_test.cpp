#include "support/module_helpers.hpp"

#include <darts/eval/mixup.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/one_hot.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

RandomStream stream(std::uint64_t step) { return {7, RandomPurpose::mixup, 1, step}; }

Batch some_batch(std::int64_t count) {
  return {testing::random_normal({count, 3, 4, 4}, 1), testing::random_labels(count, 5, 2)};
}

TEST(MixedCrossEntropy, LabelSmoothingIsItsClosedForm) {
  constexpr double epsilon = 0.1;
  const at::Tensor logits = testing::random_normal({6, 5}, 3);
  const Batch batch = some_batch(6);
  const MixedBatch plain = mix(batch, 0.0, stream(0));
  const at::Tensor target =
      (1.0 - epsilon) * at::one_hot(batch.labels, 5).to(at::kDouble) + epsilon / 5.0;
  const at::Tensor expected = -(target * at::log_softmax(logits, 1)).sum(1).mean();
  EXPECT_NEAR(mixed_cross_entropy(logits, plain.targets(at::kDouble), epsilon).item<double>(),
              expected.item<double>(), 1e-14);
  EXPECT_EQ(mixed_cross_entropy(logits, plain.targets(at::kDouble), 0.0).item<double>(),
            at::cross_entropy_loss(logits, batch.labels).item<double>());
}

TEST(MixedCrossEntropy, MixedLabelsAreASoftTarget) {
  const Batch batch = some_batch(8);
  const MixedBatch mixed = mix(batch, 0.4, stream(0));
  const at::Tensor logits = testing::random_normal({8, 5}, 4);
  const at::Tensor target =
      mixed.share * at::one_hot(mixed.labels, 5).to(at::kDouble) +
      (1.0 - mixed.share) * at::one_hot(mixed.other_labels, 5).to(at::kDouble);
  const at::Tensor expected = -(target * at::log_softmax(logits, 1)).sum(1).mean();
  EXPECT_NEAR(mixed_cross_entropy(logits, mixed.targets(at::kDouble), 0.0).item<double>(),
              expected.item<double>(), 1e-14);
}

TEST(Mixup, WithoutStrengthTheBatchIsAsItWas) {
  const Batch batch = some_batch(4);
  const MixedBatch mixed = mix(batch, 0.0, stream(0));
  EXPECT_TRUE(mixed.images.is_same(batch.images));
  EXPECT_FALSE(mixed.other_labels.defined());
}

TEST(Mixup, ImagesAndLabelsAreMixedAlike) {
  // One image a class, each of its class's value: a mixed pixel names both labels.
  Batch batch = some_batch(5);
  batch.labels = at::arange(5, at::kLong);
  batch.images = at::arange(5, at::kDouble).view({5, 1, 1, 1}).expand({5, 3, 4, 4});
  const MixedBatch mixed = mix(batch, 1.0, stream(2));
  const at::Tensor expected = mixed.share * mixed.labels.to(at::kDouble) +
                              (1.0 - mixed.share) * mixed.other_labels.to(at::kDouble);
  EXPECT_TRUE(mixed.images.select(1, 0).select(1, 0).select(1, 0).allclose(expected, 1e-12));
  EXPECT_TRUE(std::get<0>(mixed.other_labels.sort()).equal(batch.labels));
}

TEST(Mixup, SharesFollowTheBetaDistribution) {
  constexpr double strength = 0.4;
  constexpr int draws = 4000;
  const Batch batch = some_batch(2);
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < draws; ++i) {
    const double share = mix(batch, strength, stream(static_cast<std::uint64_t>(i))).share;
    sum += share;
    squares += share * share;
  }
  const double mean = sum / draws;
  const double variance = 1.0 / (4.0 * (2.0 * strength + 1.0));
  EXPECT_NEAR(mean, 0.5, 5.0 * std::sqrt(variance / draws));
  EXPECT_NEAR(squares / draws - mean * mean, variance, 0.05 * variance);
  EXPECT_EQ(mix(batch, strength, stream(9)).share, mix(batch, strength, stream(9)).share);
}

}  // namespace
}  // namespace darts
