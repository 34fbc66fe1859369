#include "device/fake_device.hpp"
#include "eval/small_training.hpp"
#include "support/test_paths.hpp"

#include <darts/eval/inference.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/eval/weight_average.hpp>

#include <ATen/ops/randint.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::fake_device;
using ::testing::IsEmpty;
using ::testing::Key;
using testing::take_waits;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t classes = testing::small_training_classes;

/// With everything that a step may be made of.
TrainConfig full_config(bool graph) {
  TrainConfig config;
  config.network.cells = 3;
  config.network.channels = 2;
  config.network.auxiliary = 0.4;
  config.train.mixup = 0.4;
  config.train.label_smoothing = 0.1;
  config.train.parts = 2;
  config.w.nesterov = true;
  config.runtime.cuda_graph = graph;
  return config;
}

Batch on_fake(const Batch& batch) {
  return {batch.images.to(fake_device()), batch.labels.to(fake_device())};
}

class TrainStepOnADevice : public ::testing::TestWithParam<bool> {};

TEST_P(TrainStepOnADevice, NothingWaitsForIt) {
  const TrainConfig config = full_config(GetParam());
  EvaluationNetwork network = testing::small_training_network(config);
  testing::move_to_fake_device(*network);
  TrainStep step(network, config);
  EvaluationNetwork average = testing::small_training_network(config);
  testing::move_to_fake_device(*average);
  const WeightAverage averaging(*average, *network);
  const Batch batch = on_fake(testing::small_training_batch(6, 1));
  step.run(batch, {1, 0, 0.01, 0.3});
  take_waits();
  const PendingStep first = step.launch(batch, {1, 1, 0.01, 0.3});
  averaging.update(0.9, 1);
  const PendingStep second = step.launch(batch, {1, 2, 0.01, 0.3});
  EXPECT_THAT(take_waits(), IsEmpty());
  first.get();
  second.get();
  EXPECT_THAT(take_waits(), UnorderedElementsAre(Key("waiting for an event")));
}

/// Batches of two sizes, without drop path and with it.
TEST_P(TrainStepOnADevice, ComputesWhatItDoesOnTheCpu) {
  TrainConfig config = full_config(GetParam());
  config.runtime.execution = Execution::plain;
  EvaluationNetwork here = testing::small_training_network(config);
  EvaluationNetwork there = testing::small_training_network(config);
  testing::move_to_fake_device(*there);
  config.runtime.cuda_graph = false;
  TrainStep step_here(here, config);
  TrainStep step_there(there, full_config(GetParam()));
  for (const auto& [images, drop_path] :
       {std::pair<std::int64_t, double>{6, 0.0}, {6, 0.3}, {5, 0.3}, {6, 0.3}}) {
    const Batch batch = testing::small_training_batch(images, 7);
    const StepResult a = step_here.run(batch, {1, images, 0.01, drop_path});
    const StepResult b = step_there.run(on_fake(batch), {1, images, 0.01, drop_path});
    EXPECT_NEAR(a.loss, b.loss, 1e-8);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-6 * a.gradient_norm);
    EXPECT_EQ(a.correct, b.correct);
  }
  const testing::Golden state = testing::copy_of_state(*here);
  for (const auto& [name, tensor] : testing::copy_of_state(*there)) {
    EXPECT_LE(testing::relative_error(tensor.cpu(), state.at(name)), 1e-6) << name;
  }
}

/// Logits come to the host one batch late.
TEST(TestNetworkOnADevice, WaitsForNothingButTheLogitsOfABatch) {
  const TrainConfig config = full_config(false);
  EvaluationNetwork here(network_options(
      config, load_genotype(testing::configs_folder() / "genotypes/DARTS_V2.json"), 3, classes));
  EvaluationNetwork there(here->options());
  testing::load_state(*there, testing::copy_of_state(*here));
  testing::move_to_fake_device(*there);
  auto images = std::make_shared<ImageSet>();
  images->images = at::randint(256, {20, 3, 32, 32}, at::kByte).permute({0, 2, 3, 1}).contiguous();
  images->labels = testing::random_labels(20, classes, 5);
  images->class_names = {"a", "b", "c", "d"};
  images->mean = {0.5, 0.5, 0.5};
  images->stddev = {0.25, 0.25, 0.25};
  LoaderOptions options;
  options.batch_size = 8;
  options.workers = 0;
  options.shuffle = false;
  options.augmentation = Augmentation::none();
  BatchLoader loader(images, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19},
                     options);
  TestOptions on_cpu;
  const auto expected = test_network(here, loader, on_cpu);
  TestOptions on_device;
  on_device.device = fake_device();
  take_waits();
  const auto actual = test_network(there, loader, on_device);
  auto waits = take_waits();
  EXPECT_EQ(waits["waiting for an event"], 3);  // batches
  EXPECT_EQ(waits.count("item") + waits.count("device to host, blocking"), 0);
  EXPECT_EQ(actual->scores.images(), 20);
  EXPECT_NEAR(actual->scores.loss(), expected->scores.loss(), 1e-6);
  EXPECT_TRUE(actual->scores.confusion().equal(expected->scores.confusion()));
}

INSTANTIATE_TEST_SUITE_P(All, TrainStepOnADevice, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Graph" : "Plain"; });

}  // namespace
}  // namespace darts
