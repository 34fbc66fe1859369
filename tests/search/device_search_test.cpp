// A short search on the CPU and on a GPU: the executions agree as far as the precision allows, the
// same seed gives the same bytes, and a checkpoint goes from one device to the other and back.
#include "core/temporary_folder.hpp"
#include "search/darts_mixing.hpp"
#include "search/every_order.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/search/search_checkpoint.hpp>
#include <darts/search/supernet_pass.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/dot.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>

namespace darts {
namespace {

using testing::DeviceRun;

SearchConfig small_config(const DeviceRun& run, SearchOrder order) {
  SearchConfig config;
  config.space.cells = 3;
  config.space.channels = 4;
  config.space.nodes = 3;
  config.search.order = order;
  config.runtime.device = run.device.str();
  config.runtime.execution = run.execution;
  config.runtime.cuda_graph = run.graph;
  return config;
}

Batch batch_on(const c10::Device& device, std::uint64_t seed) {
  const at::Tensor images = testing::random_normal({16, 3, 16, 16}, seed).to(at::kFloat);
  return {images.to(device).contiguous(at::MemoryFormat::ChannelsLast),
          testing::random_labels(16, 10, seed).to(device)};
}

/// A search that is under way.
struct Trial {
  explicit Trial(SearchConfig its_config)
      : config(std::move(its_config)),
        device(choose_device(config.runtime.device)),
        supernet(make_supernet()),
        step(supernet, step_options(config, device)) {}

  void run(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i < last; ++i) {
      step.run(batch_on(device, 2 * i), batch_on(device, 2 * i + 1), 0.025);
    }
  }

  Checkpoint checkpoint() { return make_checkpoint({supernet, step}, SearchState(), config); }

  SearchConfig config;
  c10::Device device;
  Supernet supernet;
  SearchStep step;

 private:
  Supernet make_supernet() const {
    Supernet made(supernet_options(config, first_stage(config), 3, 10));
    initialize_supernet(made, 7);
    made->to(device);
    return made;
  }
};

Checkpoint through_file(const Checkpoint& checkpoint) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder / "checkpoint", checkpoint);
  return load_checkpoint(folder / "checkpoint");
}

void expect_same_bytes(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  EXPECT_GT(a.tensors.size(), 100U);
  for (const auto& [name, tensor] : a.tensors) {
    const at::Tensor& other = require(b, name);
    EXPECT_EQ(tensor.scalar_type(), other.scalar_type()) << name;
    EXPECT_TRUE(tensor.cpu().equal(other.cpu())) << name;
  }
}

class DeviceSearch : public ::testing::TestWithParam<std::tuple<DeviceRun, SearchOrder>> {
 protected:
  void SetUp() override { testing::use_device(run().device); }
  static DeviceRun run() { return std::get<0>(GetParam()); }
  static SearchConfig config() { return small_config(run(), std::get<1>(GetParam())); }
};

TEST_P(DeviceSearch, TheSameSeedGivesTheSameBytes) {
  const auto names = testing::indeterminate_operations([] {
    const auto search = [] {
      Trial trial(config());
      trial.run(0, 4);
      return through_file(trial.checkpoint());
    };
    expect_same_bytes(search(), search());
  });
  for (const std::string& name : names) {
    std::printf("operation without a deterministic form: %s\n", name.c_str());
  }
}

/// Edges that offer operations of their own, and noise.
TEST_P(DeviceSearch, RunsInThePublishedSpaces) {
  for (const char* name : {"s1", "s4"}) {
    SCOPED_TRACE(name);
    testing::indeterminate_operations([name] {
      const auto search = [name] {
        SearchConfig in_space = config();
        in_space.space.name = name;
        in_space.space.nodes = 4;
        Trial trial(in_space);
        trial.run(0, 2);
        return through_file(trial.checkpoint());
      };
      expect_same_bytes(search(), search());
    });
  }
}

TEST_P(DeviceSearch, ACheckpointOfTheCpuGoesThereAndBack) {
  SearchConfig on_cpu = config();
  on_cpu.runtime.device = "cpu";
  Trial before(on_cpu);
  before.run(0, 2);
  const Checkpoint saved = through_file(before.checkpoint());

  Trial there(config());
  restore_checkpoint(saved, {there.supernet, there.step}, there.config);
  const Checkpoint returned = through_file(there.checkpoint());
  expect_same_bytes(saved, returned);
  there.run(2, 3);  // what was restored is what it goes on with

  Trial back(on_cpu);
  restore_checkpoint(returned, {back.supernet, back.step}, back.config);
  before.run(2, 3);
  back.run(2, 3);
  expect_same_bytes(through_file(before.checkpoint()), through_file(back.checkpoint()));
  EXPECT_FALSE(require(saved, "model.classifier.weight")
                   .equal(require(through_file(there.checkpoint()), "model.classifier.weight")));
}

std::string name_of(const std::tuple<DeviceRun, SearchOrder>& trial) {
  return testing::name_of(std::get<0>(trial)) + "_" +
         std::string(find_order(std::get<1>(trial)).name);
}

const auto orders = [] { return ::testing::ValuesIn(testing::every_order()); };

INSTANTIATE_TEST_SUITE_P(
    Cpu, DeviceSearch,
    ::testing::Combine(::testing::Values(DeviceRun{}, DeviceRun{c10::kCPU, Execution::merged}),
                       orders()),
    [](const auto& trial) { return name_of(trial.param); });

INSTANTIATE_TEST_SUITE_P(
    Cuda, DeviceSearch,
    ::testing::Combine(::testing::Values(DeviceRun{testing::gpu(), Execution::plain},
                                         DeviceRun{testing::gpu(), Execution::merged},
                                         DeviceRun{testing::gpu(), Execution::merged, true}),
                       orders()),
    [](const auto& trial) { return name_of(trial.param); });

// ---- Precisions ----

/// One way to compute, and how near to float64 it has to be.
struct PrecisionTrial {
  const char* name;
  c10::Device device;
  Precision precision;
  bool tf32;
  double loss;    ///< largest relative error of the loss
  double cosine;  ///< least cosine of all gradients
};

struct Gradients {
  double loss;
  std::vector<std::string> names;  ///< of what the parts are by
  std::vector<at::Tensor> parts;   ///< of alpha and w, each in one row of float64
  at::Tensor all;                  ///< the parts in one row
};

Gradients gradients_of(const PrecisionTrial& trial, Execution execution, at::ScalarType type) {
  SearchConfig config = small_config({trial.device, execution}, SearchOrder::first);
  config.space.channels = 8;
  config.runtime.precision = type == at::kDouble ? Precision::fp32 : trial.precision;
  Supernet supernet(supernet_options(config, first_stage(config), 3, 10));
  initialize_supernet(supernet, 7);
  if (type == at::kDouble) {
    testing::make_double(*supernet);
  }
  supernet->to(trial.device);
  Batch batch = batch_on(trial.device, 1);
  batch.images = batch.images.to(type);
  set_tf32(trial.tf32);
  const auto weights = flatten_weights(supernet);
  const PassResult result =
      make_pass(supernet, weights)->run(batch, testing::mixings_of(*supernet), Differentiate::both);
  set_tf32(false);
  Gradients gradients{result.loss.item<double>(), {}, {}, {}};
  const auto add = [&](const std::string& name, const at::Tensor& gradient) {
    gradients.names.push_back(name);
    gradients.parts.push_back(gradient.to(at::kCPU, at::kDouble).flatten());
  };
  for (std::size_t i = 0; i < result.mixing.size(); ++i) {
    add("mixing weights " + std::to_string(i), result.mixing[i]);
  }
  const std::vector<at::Tensor> by_weights = weights->parameters().windows(weights->gradient());
  const std::vector<std::string> names = supernet->weight_names();
  for (std::size_t i = 0; i < by_weights.size(); ++i) {
    add(names[i], by_weights[i]);
  }
  gradients.all = at::cat(gradients.parts);
  return gradients;
}

/// Names the parts in which two gradients differ most, and how much of the difference each is.
std::string largest_differences(const Gradients& a, const Gradients& b) {
  const double whole = (a.all - b.all).square().sum().item<double>();
  std::vector<std::pair<double, std::size_t>> shares;
  for (std::size_t i = 0; i < a.parts.size(); ++i) {
    shares.emplace_back((a.parts[i] - b.parts[i]).square().sum().item<double>() / whole, i);
  }
  std::sort(shares.rbegin(), shares.rend());
  std::ostringstream text;
  for (std::size_t i = 0; i < std::min<std::size_t>(shares.size(), 5); ++i) {
    const auto& [share, part] = shares[i];
    text << a.names[part] << " " << share << " (norms " << a.parts[part].norm().item<double>()
         << " and " << b.parts[part].norm().item<double>() << ")\n";
  }
  return text.str();
}

/// How far one result is from another.
struct Distance {
  Distance(const Gradients& a, const Gradients& b)
      : loss(std::abs(a.loss - b.loss) / std::abs(b.loss)),
        cosine((at::dot(a.all, b.all) / (a.all.norm() * b.all.norm())).item<double>()) {}
  double loss;
  double cosine;
};

class MergedPrecision : public ::testing::TestWithParam<PrecisionTrial> {
 protected:
  void SetUp() override { testing::use_device(GetParam().device); }
};

TEST_P(MergedPrecision, IsAsNearToThePlainExecutionAsThePrecisionAllows) {
  const PrecisionTrial& trial = GetParam();
  const Gradients exact = gradients_of(trial, Execution::plain, at::kDouble);
  const Gradients plain = gradients_of(trial, Execution::plain, at::kFloat);
  const Gradients merged = gradients_of(trial, Execution::merged, at::kFloat);
  struct Pair {
    const char* what;
    const Gradients& a;
    const Gradients& b;
  };
  for (const auto& [what, a, b] :
       {Pair{"merged from plain", merged, plain}, Pair{"merged from float64", merged, exact},
        Pair{"plain from float64", plain, exact}}) {
    const Distance distance(a, b);
    std::printf("%s: %s: loss %.1e, 1 - cosine of gradients %.1e\n", trial.name, what,
                distance.loss, 1.0 - distance.cosine);
    EXPECT_LE(distance.loss, trial.loss) << what;
    EXPECT_GE(distance.cosine, trial.cosine) << what << "; most of it:\n"
                                             << largest_differences(a, b);
  }
}

// Factors are rounded by 2⁻²⁴ (fp32), 2⁻¹¹ (TF32) and 2⁻⁹ (bfloat16) of their size. Thirty layers
// add up, and a value that rounding takes over the edge of a ReLU changes its gradient whole. One
// minus the cosine was 2e-7 in fp32 and 1e-2 in bfloat16 on a CPU; up to 1e-6 in fp32, 5e-4 in TF32
// and 1e-2 in bfloat16 on a GPU, where cuDNN's choice of an algorithm moves it. The bounds are some
// ten times that.
INSTANTIATE_TEST_SUITE_P(
    Cpu, MergedPrecision,
    ::testing::Values(PrecisionTrial{"fp32", c10::kCPU, Precision::fp32, false, 1e-5, 1.0 - 1e-5},
                      PrecisionTrial{"bf16", c10::kCPU, Precision::bf16, false, 0.03, 0.9}),
    [](const auto& trial) { return trial.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Cuda, MergedPrecision,
    ::testing::Values(PrecisionTrial{"fp32", testing::gpu(), Precision::fp32, false, 1e-5,
                                     1.0 - 1e-5},
                      PrecisionTrial{"tf32", testing::gpu(), Precision::fp32, true, 0.01, 0.99},
                      PrecisionTrial{"bf16", testing::gpu(), Precision::bf16, false, 0.03, 0.9}),
    [](const auto& trial) { return trial.param.name; });

}  // namespace
}  // namespace darts
