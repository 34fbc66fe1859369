#include "support/threads.hpp"

#include "eval/small_training.hpp"

#include <darts/eval/train_step.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::random_normal;

struct Setting {
  std::string name;
  std::string genotype = "DARTS_V2";
  NetworkStem stem = NetworkStem::cifar;
  double mixup = 0.0;

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

/// All that a network is after two steps with everything that training has, large enough that
/// LibTorch shares its own work out.
testing::Golden trained(const Setting& setting) {
  TrainConfig config;
  config.network.stem = setting.stem;
  config.network.cells = 4;
  config.network.channels = 8;
  config.train.label_smoothing = 0.1;
  config.train.mixup = setting.mixup;
  config.runtime.execution = Execution::fused;
  EvaluationNetwork network(network_options(
      config,
      load_genotype(testing::configs_folder() / ("genotypes/" + setting.genotype + ".json")), 3,
      testing::small_training_classes));
  testing::randomize_parameters(*network, 0.2, 3);
  TrainStep step(network, config);
  const std::int64_t size = setting.stem == NetworkStem::cifar ? 32 : 224;
  const std::int64_t count = setting.stem == NetworkStem::cifar ? 19 : 3;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const Batch batch{random_normal({count, 3, size, size}, i).to(at::kFloat),
                      testing::random_labels(count, testing::small_training_classes, i)};
    step.run(batch, {0, static_cast<std::int64_t>(i), 0.025, 0.2});
  }
  return testing::copy_of_state(*network);
}

class TrainThreads : public ::testing::TestWithParam<Setting> {};

TEST_P(TrainThreads, AFusedStepDoesNotDependOnTheirNumber) {
  testing::expect_independent_of_threads([] { return trained(GetParam()); });
}

INSTANTIATE_TEST_SUITE_P(Settings, TrainThreads,
                         ::testing::Values(Setting{.name = "plain"},
                                           Setting{.name = "first order", .genotype = "DARTS_V1"},
                                           Setting{.name = "mixup", .mixup = 0.4},
                                           Setting{.name = "imagenet",
                                                   .stem = NetworkStem::imagenet}));

}  // namespace
}  // namespace darts
