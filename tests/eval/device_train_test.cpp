// A short training on the CPU and on a GPU: the same seed gives the same bytes, graphs change
// nothing, and a checkpoint goes from one device to the other and back.
#include "core/temporary_folder.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"
#include "support/test_paths.hpp"

#include <darts/eval/train_checkpoint.hpp>
#include <darts/ops/initialize.hpp>

#include <ATen/Context.h>

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace darts {
namespace {

using testing::DeviceRun;

/// A training that is under way, with everything that is drawn at random in it.
struct Trial {
  explicit Trial(const DeviceRun& run, c10::ScalarType its_type = at::kFloat)
      : type(its_type),
        device(run.device),
        config(config_of(run)),
        network(make_network()),
        step(network, config) {}

  static TrainConfig config_of(const DeviceRun& run) {
    TrainConfig config;
    config.network.cells = 3;
    config.network.channels = 4;
    config.train.mixup = 0.2;
    config.runtime.execution = run.execution;
    config.runtime.cuda_graph = run.graph;
    return config;
  }

  double run(std::int64_t first, std::int64_t last) {
    double loss = 0.0;
    for (std::int64_t i = first; i < last; ++i) {
      const auto seed = static_cast<std::uint64_t>(i);
      const Batch batch{testing::random_normal({8, 3, 32, 32}, seed)
                            .to(device, type)
                            .contiguous(at::MemoryFormat::ChannelsLast),
                        testing::random_labels(8, 10, seed).to(device)};
      loss = step.run(batch, {0, i, 0.025, /*drop_path=*/0.3}).loss;
    }
    return loss;
  }

  Checkpoint saved_and_loaded() {
    const testing::TemporaryFolder folder;
    save_checkpoint(folder / "c", make_checkpoint(parts(), TrainState(), config, description()));
    return load_checkpoint(folder / "c");
  }

  void restore(const Checkpoint& checkpoint) {
    restore_checkpoint(checkpoint, parts(), config, description());
  }

  c10::ScalarType type;
  c10::Device device;
  TrainConfig config;
  EvaluationNetwork network;
  EvaluationNetwork no_average{nullptr};
  TrainStep step;

 private:
  TrainParts parts() { return {network, no_average, step}; }

  NetworkDescription description() const {
    NetworkDescription about;
    about.options = network->options();
    about.height = about.width = 32;
    about.class_names.assign(10, "class");
    return about;
  }

  EvaluationNetwork make_network() const {
    const auto genotype = load_genotype(testing::configs_folder() / "genotypes/DARTS_V2.json");
    EvaluationNetwork made(network_options(config, genotype, 3, 10));
    initialize_weights(*made, 7);
    if (type == at::kDouble) {
      testing::make_double(*made);
    }
    made->to(device);
    return made;
  }
};

void expect_same_bytes(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  EXPECT_GT(a.tensors.size(), 100U);
  for (const auto& [name, tensor] : a.tensors) {
    EXPECT_TRUE(tensor.equal(require(b, name))) << name;
  }
}

class DeviceTrain : public ::testing::TestWithParam<DeviceRun> {
 protected:
  void SetUp() override { testing::use_device(GetParam().device); }
};

TEST_P(DeviceTrain, TheSameSeedGivesTheSameBytes) {
  const auto names = testing::indeterminate_operations([] {
    const auto train = [] {
      Trial trial(GetParam());
      trial.run(0, 6);
      return trial.saved_and_loaded();
    };
    expect_same_bytes(train(), train());
  });
  for (const std::string& name : names) {
    std::printf("operation without a deterministic form: %s\n", name.c_str());
  }
}

TEST_P(DeviceTrain, ACheckpointOfTheCpuGoesThereAndBack) {
  DeviceRun on_cpu = GetParam();
  on_cpu.device = c10::kCPU;
  Trial before(on_cpu);
  before.run(0, 2);
  const Checkpoint saved = before.saved_and_loaded();
  Trial there(GetParam());
  there.restore(saved);
  const Checkpoint returned = there.saved_and_loaded();
  expect_same_bytes(saved, returned);

  Trial back(on_cpu);
  back.restore(returned);
  before.run(2, 3);
  back.run(2, 3);
  expect_same_bytes(before.saved_and_loaded(), back.saved_and_loaded());
}

/// In float64 from plain steps on the CPU, mixup and drop path included.
TEST_P(DeviceTrain, TakesTheStepsOfThePlainExecutionOnTheCpu) {
  Trial expected({c10::kCPU, Execution::plain}, at::kDouble);
  Trial actual(GetParam(), at::kDouble);
  for (std::int64_t i = 0; i < 6; ++i) {
    const double loss = expected.run(i, i + 1);
    EXPECT_NEAR(actual.run(i, i + 1), loss, 1e-7 * loss) << "step " << i;
  }
  const testing::Golden state = testing::state_of(*actual.network);
  for (const auto& [name, tensor] : testing::state_of(*expected.network)) {
    EXPECT_LE(testing::relative_error(state.at(name), tensor), 1e-6) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, DeviceTrain, ::testing::Values(DeviceRun{}),
                         [](const auto& run) { return testing::name_of(run.param); });

INSTANTIATE_TEST_SUITE_P(Cuda, DeviceTrain,
                         ::testing::Values(DeviceRun{testing::gpu(), Execution::plain},
                                           DeviceRun{testing::gpu()},
                                           DeviceRun{testing::gpu(), Execution::fused, true}),
                         [](const auto& run) { return testing::name_of(run.param); });

}  // namespace
}  // namespace darts
