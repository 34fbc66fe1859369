#include "search/darts_mixing.hpp"
#include "search/golden_genotype.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/cell/topology.hpp>
#include <darts/search/method.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <memory>

namespace darts {
namespace {

using testing::Comparison;
using testing::DeviceRun;
using testing::Golden;

constexpr double exact = 1e-9;
/// Gradients and states that come after a central difference of close numbers.
constexpr double through_difference = 1e-6;

Batch batch_on(const c10::Device& device, const at::Tensor& images, const at::Tensor& labels) {
  return {images.to(device), labels.to(device)};
}

struct Meta {
  explicit Meta(const at::Tensor& meta)
      : channels(meta[0].item<std::int64_t>()),
        cells(meta[1].item<std::int64_t>()),
        classes(meta[2].item<std::int64_t>()),
        unrolled(meta[5].item<std::int64_t>() != 0) {}
  std::int64_t channels;
  std::int64_t cells;
  std::int64_t classes;
  bool unrolled;
};

std::int64_t nodes_of(const at::Tensor& alphas) {
  std::int64_t nodes = 1;
  while (edge_count(nodes) < alphas.size(0)) {
    ++nodes;
  }
  return nodes;
}

Supernet supernet_of(const Golden& golden, const DeviceRun& run) {
  const Meta meta(golden.at("meta"));
  const Golden init = testing::part_of(golden, "init");
  SupernetOptions options;
  options.channels = meta.channels;
  options.cells = meta.cells;
  options.classes = meta.classes;
  options.nodes = nodes_of(init.at("alphas_normal"));
  options.stem_multiplier = init.at("stem.0.weight").size(0) / meta.channels;
  options.image_channels = init.at("stem.0.weight").size(1);
  options.execution.execution = run.execution;
  Supernet supernet(options);
  testing::make_double(*supernet);
  testing::load_state(*supernet, init);
  supernet->to(run.device);
  return supernet;
}

at::Tensor eval_logits(Supernet& supernet, const at::Tensor& images) {
  const c10::NoGradGuard no_grad;
  supernet->eval();
  at::Tensor logits = testing::logits_of(*supernet, images);
  supernet->train();
  return logits;
}

void check_forward(const Golden& golden, const DeviceRun& run, Comparison& comparison) {
  const Golden forward = testing::part_of(golden, "forward");
  Supernet supernet = supernet_of(golden, run);
  const Batch batch = batch_on(run.device, forward.at("x"), forward.at("y"));
  const at::Tensor logits = testing::logits_of(*supernet, batch.images);
  const at::Tensor loss = at::cross_entropy_loss(logits, batch.labels);
  loss.backward();
  comparison.expect_close(logits, forward.at("logits"), exact, "forward/logits");
  comparison.expect_close(loss, forward.at("loss"), exact, "forward/loss");
  const Alphas alphas = supernet->alphas();
  comparison.expect_close(alphas.normal.grad(), forward.at("grad_alphas_normal"), exact,
                          "forward/grad_alphas_normal");
  comparison.expect_close(alphas.reduce.grad(), forward.at("grad_alphas_reduce"), exact,
                          "forward/grad_alphas_reduce");
  const Golden gradients = testing::part_of(forward, "grad");
  const Golden state = testing::state_of(*supernet);
  EXPECT_EQ(gradients.size(), supernet->weights().size());
  for (const auto& [name, gradient] : gradients) {
    ASSERT_TRUE(state.contains(name)) << name;
    comparison.expect_close(state.at(name).grad(), gradient, exact, "forward/grad/" + name);
  }
  comparison.expect_close(eval_logits(supernet, batch.images), forward.at("eval_logits_after"),
                          exact, "forward/eval_logits_after");
}

/// A step with the clipping of `key`, that goes on with the optimizers of the one before.
std::unique_ptr<SearchStep> step_of(const Golden& golden, const std::string& key,
                                    const DeviceRun& run, const Supernet& supernet,
                                    SearchStep* before) {
  SearchStepOptions options;
  options.cuda_graph = run.graph;
  options.order = Meta(golden.at("meta")).unrolled ? SearchOrder::second : SearchOrder::first;
  options.w.clip_norm = golden.at(key + "/clip").item<double>();
  auto step = std::make_unique<SearchStep>(supernet, options);
  if (before != nullptr) {
    const std::vector<std::string> names = supernet->weight_names();
    NamedTensors momentum;
    before->weight_optimizer().collect(names, "w", momentum);
    step->weight_optimizer().restore(names, "w", momentum, "the step before");
    NamedTensors adam;
    before->theta_optimizer().collect("theta", adam);
    step->theta_optimizer().restore("theta", adam, "the step before");
  }
  return step;
}

/// Runs stepT and compares what it leaves behind.
void check_step(const Golden& golden, const std::string& key, Supernet& supernet, SearchStep& step,
                Comparison& comparison) {
  const Golden recorded = testing::part_of(golden, key);
  const c10::Device device = supernet->alphas().normal.device();
  const Batch train = batch_on(device, recorded.at("x_train"), recorded.at("y_train"));
  const Batch valid = batch_on(device, recorded.at("x_valid"), recorded.at("y_valid"));
  const StepResult result = step.run(train, valid, recorded.at("lr").item<double>());
  const Alphas alphas = supernet->alphas();
  const double tolerance = Meta(golden.at("meta")).unrolled ? through_difference : exact;
  const auto expect = [&](const auto& actual, const std::string& name) {
    comparison.expect_close(actual, recorded.at(name), tolerance, key + "/" + name);
  };
  expect(alphas.normal.grad(), "grad_alphas_normal");
  expect(alphas.reduce.grad(), "grad_alphas_reduce");
  expect(alphas.normal, "alphas_normal");
  expect(alphas.reduce, "alphas_reduce");
  expect(result.loss, "loss");
  expect(result.gradient_norm, "grad_norm");
}

void check_steps(const Golden& golden, const DeviceRun& run, Comparison& comparison) {
  Supernet supernet = supernet_of(golden, run);
  std::unique_ptr<SearchStep> step;
  at::Tensor last_images;
  std::string key = "step0";
  for (int i = 0; golden.contains(key + "/lr"); key = "step" + std::to_string(++i)) {
    last_images = golden.at(key + "/x_valid").to(run.device);
    step = step_of(golden, key, run, supernet, step.get());
    check_step(golden, key, supernet, *step, comparison);
  }
  const double tolerance = Meta(golden.at("meta")).unrolled ? through_difference : exact;
  const Golden state = testing::state_of(*supernet);
  for (const auto& [name, tensor] : testing::part_of(golden, "final")) {
    ASSERT_TRUE(state.contains(name)) << name;
    comparison.expect_close(state.at(name), tensor, tolerance, "final/" + name);
  }
  comparison.expect_close(eval_logits(supernet, last_images), golden.at("final_eval_logits"),
                          tolerance, "final_eval_logits");
  const at::Tensor bytes = golden.at("final_genotype_json").contiguous();
  const std::string text(reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>()),
                         static_cast<std::size_t>(bytes.numel()));
  EXPECT_EQ(derive(supernet->alphas(), SearchSpace{}),
            testing::golden_genotype(nlohmann::ordered_json::parse(text)));
}

/// The steps of every file that is of this method.
void check_all_steps(bool unrolled, const DeviceRun& run) {
  int found = 0;
  testing::for_each_golden_file("search_", ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    if (Meta(golden.at("meta")).unrolled == unrolled) {
      Comparison comparison(testing::title_of(file, run));
      check_steps(golden, run, comparison);
      ++found;
    }
  });
  testing::expect_found(found, unrolled ? "second-order search steps" : "first-order search steps");
}

void check_all_forward(const DeviceRun& run) {
  int found = 0;
  testing::for_each_golden_file("search_", ".pt", [&](const auto& file) {
    const Golden golden = testing::read_golden(file);
    if (golden.contains("forward/x")) {
      Comparison comparison(testing::title_of(file, run) + " forward");
      check_forward(golden, run, comparison);
      ++found;
    }
  });
  testing::expect_found(found, "forward/ part of a search");
}

TEST(golden_supernet, ForwardAndAllGradientsAsRecorded) { check_all_forward({}); }

TEST(golden_search_first_order, EveryStepAsRecorded) { check_all_steps(false, {}); }

TEST(golden_search_second_order, EveryStepAsRecorded) { check_all_steps(true, {}); }

/// The same in the other executions, and on a GPU.
class GoldenSearch : public ::testing::TestWithParam<DeviceRun> {
 protected:
  void SetUp() override { testing::use_device(GetParam().device); }
};

TEST_P(GoldenSearch, ForwardAndAllGradientsAsRecorded) { check_all_forward(GetParam()); }

TEST_P(GoldenSearch, EveryFirstOrderStepAsRecorded) { check_all_steps(false, GetParam()); }

TEST_P(GoldenSearch, EverySecondOrderStepAsRecorded) { check_all_steps(true, GetParam()); }

INSTANTIATE_TEST_SUITE_P(Cpu, GoldenSearch,
                         ::testing::Values(DeviceRun{c10::kCPU, Execution::plain},
                                           DeviceRun{c10::kCPU, Execution::merged}),
                         [](const auto& run) { return testing::name_of(run.param); });

INSTANTIATE_TEST_SUITE_P(Cuda, GoldenSearch,
                         ::testing::Values(DeviceRun{testing::gpu(), Execution::plain},
                                           DeviceRun{testing::gpu(), Execution::plain, true},
                                           DeviceRun{testing::gpu(), Execution::merged},
                                           DeviceRun{testing::gpu(), Execution::merged, true}),
                         [](const auto& run) { return testing::name_of(run.param); });

}  // namespace
}  // namespace darts
