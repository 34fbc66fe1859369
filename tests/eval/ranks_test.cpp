// Trainings of several ranks, each with its rows of the batches, are those of one process.
#include "eval/small_training.hpp"
#include "support/module_helpers.hpp"
#include "support/rank_outcomes.hpp"

#include <darts/eval/scores.hpp>
#include <darts/eval/train_step.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::expect_all_the_same;
using testing::expect_near;
using testing::expect_same_bytes;
using testing::Outcome;
using testing::random_normal;

constexpr int steps = 5;

struct Setting {
  std::string name;
  Execution execution = Execution::fused;
  double mixup = 0.0;
  std::int64_t parts = 1;
  double drop_path = 0.3;
  double auxiliary = 0.4;
  BatchNormStatistics batch_norm = BatchNormStatistics::sync;

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

Batch own_rows(const Batch& all, std::int64_t parts, const Ranks& ranks) {
  if (ranks.alone()) {
    return all;
  }
  Batch own;
  own.shares = shares_of(all.images.size(0), parts, ranks.rank(), ranks.size());
  std::vector<at::Tensor> images;
  std::vector<at::Tensor> labels;
  for (const BatchShare& share : own.shares) {
    images.push_back(all.images.narrow(0, share.first, share.rows));
    labels.push_back(all.labels.narrow(0, share.first, share.rows));
  }
  own.images = at::cat(images);
  own.labels = at::cat(labels);
  return own;
}

/// Some batches cannot be shared out evenly, one has fewer images than three ranks need.
Batch batch_of(int step) {
  const std::int64_t images = step == 2 ? 11 : step == 3 ? 5 : 12;
  const auto seed = static_cast<std::uint64_t>(step);
  return {random_normal({images, 3, 32, 32}, seed),
          testing::random_labels(images, testing::small_training_classes, seed)};
}

Outcome trained(const Setting& setting, const std::shared_ptr<Ranks>& ranks) {
  TrainConfig config;
  config.network.cells = 4;
  config.network.channels = 4;
  config.network.auxiliary = setting.auxiliary;
  config.train.label_smoothing = 0.1;
  config.train.mixup = setting.mixup;
  config.train.parts = setting.parts;
  config.runtime.execution = setting.execution;
  config.parallel.batch_norm = setting.batch_norm;
  EvaluationNetwork network(
      network_options(config, load_genotype(testing::configs_folder() / "genotypes/DARTS_V2.json"),
                      3, testing::small_training_classes));
  testing::make_double(*network);
  testing::randomize_parameters(*network, 0.2, 3);
  TrainStep step(network, config, ranks);
  Outcome outcome;
  for (int i = 0; i < steps; ++i) {
    const StepResult result =
        step.run(own_rows(batch_of(i), setting.parts, *ranks), {0, i, 0.025, setting.drop_path});
    const std::string name = "step " + std::to_string(i);
    outcome[name + " loss"] = at::scalar_tensor(result.loss, at::kDouble);
    outcome[name + " norm"] = at::scalar_tensor(result.gradient_norm, at::kDouble);
    outcome[name + " correct"] = at::scalar_tensor(result.correct, at::kLong);
  }
  for (const auto& [name, tensor] : testing::copy_of_state(*network)) {
    outcome[name] = tensor;
  }
  return outcome;
}

std::vector<Outcome> trained_by(int size, const Setting& setting) {
  return testing::outcomes_of(size, [&](const auto& ranks) { return trained(setting, ranks); });
}

class TrainRanks : public ::testing::TestWithParam<Setting> {};

TEST_P(TrainRanks, StepAsOneProcessDoes) {
  const Outcome alone = trained(GetParam(), single_rank());
  for (const int size : {2, 3}) {
    const std::vector<Outcome> together = trained_by(size, GetParam());
    expect_near(together.front(), alone, 1e-12);
    expect_all_the_same(together);
  }
  expect_same_bytes(trained_by(2, GetParam())[1], trained_by(2, GetParam())[0]);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, TrainRanks,
    ::testing::Values(Setting{.name = "fused"},
                      Setting{.name = "plain", .execution = Execution::plain},
                      Setting{.name = "mixup", .mixup = 0.4}, Setting{.name = "parts", .parts = 3},
                      Setting{.name = "parts of mixtures", .mixup = 0.4, .parts = 2},
                      Setting{.name = "nothing else", .drop_path = 0.0, .auxiliary = 0.0}));

TEST(LocalTrainRanks, HoldTheSameWithBatchNormsOfTheirOwn) {
  const Setting setting{.name = "local", .batch_norm = BatchNormStatistics::local};
  expect_all_the_same(trained_by(3, setting));
}

TEST(ScoresOfRanks, AddUpToThoseOfAllImages) {
  constexpr std::int64_t classes = 7;
  const at::Tensor logits = random_normal({11, classes}, 1);
  const at::Tensor labels = testing::random_labels(11, classes, 1);
  TestScores alone(classes);
  alone.add(logits, labels);
  testing::run_ranks(3, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
    const BatchShare own = share_of(11, ranks->rank(), 3, SmallBatch::share);
    TestScores scores(classes);
    scores.add(logits.narrow(0, own.first, own.rows), labels.narrow(0, own.first, own.rows));
    scores.add_up(*ranks);
    EXPECT_EQ(scores.images(), 11);
    EXPECT_EQ(scores.top1(), alone.top1());
    EXPECT_EQ(scores.top5(), alone.top5());
    EXPECT_NEAR(scores.loss(), alone.loss(), 1e-14);
    EXPECT_TRUE(scores.confusion().equal(alone.confusion()));
  });
}

}  // namespace
}  // namespace darts
