#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_devices.hpp"

#include <darts/eval/train_step.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

using testing::Comparison;
using testing::DeviceRun;
using testing::Golden;

constexpr double exact = 1e-9;

/// scale · sin(0.37 · i), i the flat index.
at::Tensor wave(at::IntArrayRef shape, double scale) {
  return (scale * at::sin(0.37 * at::arange(c10::multiply_integers(shape), at::kDouble)))
      .reshape(shape);
}

std::vector<std::int64_t> values_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kLong).contiguous();
  const auto* first = values.const_data_ptr<std::int64_t>();
  return {first, first + values.numel()};
}

std::string text_of(const at::Tensor& bytes) {
  std::string text;
  for (const std::int64_t byte : values_of(bytes)) {
    text += static_cast<char>(byte);
  }
  return text;
}

/// A genotype as the golden files hold it: the fields of ours without its heading.
Genotype genotype_of(const Golden& golden) {
  std::string text = text_of(golden.at("genotype_json"));
  text.replace(text.find('{'), 1,
               R"({"format": "darts-genotype", "version": 1, "name": "golden", )");
  return genotype_from_json(text, "golden file");
}

struct Case {
  EvaluationNetwork network{nullptr};
  Batch batch;
};

Case case_of(const Golden& golden, NetworkStem stem, const DeviceRun& run) {
  const std::vector<std::int64_t> meta = values_of(golden.at("meta"));  // C, layers, classes, N, HW
  EvaluationNetworkOptions options;
  options.genotype = genotype_of(golden);
  options.stem = stem;
  options.channels = meta.at(0);
  options.cells = meta.at(1);
  options.classes = meta.at(2);
  options.execution = run.execution;
  EvaluationNetwork network(options);
  testing::make_double(*network);
  Golden state = testing::part_of(golden, "init");
  for (const auto& [name, shape] : testing::part_of(golden, "wave_shape")) {
    state.insert_or_assign(name, wave(values_of(shape), 0.05));
  }
  testing::load_state(*network, state);
  network->to(run.device);
  const auto x = golden.find("x");
  const std::int64_t size = meta.at(4);
  const at::Tensor images = x != golden.end() ? x->second : wave({meta.at(3), 3, size, size}, 1.0);
  return {network, {images.to(run.device), golden.at("y").to(run.device)}};
}

/// Gradients of large tensors are recorded as their sum and 2-norm.
void compare_gradients(const EvaluationNetwork& network, const Golden& expected,
                       Comparison& comparison) {
  std::size_t compared = 0;
  for (const auto& item : network->named_parameters()) {
    const auto recorded = expected.find(item.key());
    ASSERT_NE(recorded, expected.end()) << item.key();
    at::Tensor gradient = item.value().grad();
    if (recorded->second.sizes() != gradient.sizes()) {
      gradient = at::stack({gradient.sum(), gradient.norm()});
    }
    comparison.expect_close(gradient, recorded->second, exact, "grad/" + item.key());
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

void check_network(const Golden& golden, NetworkStem stem, const DeviceRun& run,
                   Comparison& comparison) {
  auto [network, batch] = case_of(golden, stem, run);
  const auto output = network->forward(batch.images);
  const at::Tensor loss = at::cross_entropy_loss(output.logits, batch.labels) +
                          0.4 * at::cross_entropy_loss(output.auxiliary, batch.labels);
  loss.backward();
  comparison.expect_close(output.logits, golden.at("logits"), exact, "logits");
  comparison.expect_close(output.auxiliary, golden.at("logits_aux"), exact, "logits_aux");
  comparison.expect_close(loss, golden.at("loss"), exact, "loss");
  compare_gradients(network, testing::part_of(golden, "grad"), comparison);
  const c10::NoGradGuard no_grad;
  network->eval();
  const auto after = network->forward(batch.images);
  EXPECT_FALSE(after.auxiliary.defined());
  comparison.expect_close(after.logits, golden.at("eval_logits_after"), exact, "eval_logits_after");
}

/// The 2-norm of all recorded gradients.
double norm_of(const Golden& gradients, const EvaluationNetwork& network) {
  double square = 0.0;
  for (const auto& item : network->named_parameters()) {
    const at::Tensor& recorded = gradients.at(item.key());
    const bool whole = recorded.sizes() == item.value().sizes();
    const double norm = (whole ? recorded.norm() : recorded[1]).item<double>();
    square += norm * norm;
  }
  return std::sqrt(square);
}

/// A training step with a learning rate of 0, repeated: a graph is launched on what it captured.
void check_train_step(const Golden& golden, NetworkStem stem, const DeviceRun& run,
                      Comparison& comparison) {
  auto [network, batch] = case_of(golden, stem, run);
  TrainConfig config;
  config.network.auxiliary = 0.4;
  config.runtime.cuda_graph = run.graph;
  TrainStep step(network, config);
  const at::Tensor norm =
      at::scalar_tensor(norm_of(testing::part_of(golden, "grad"), network), at::kDouble);
  for (std::int64_t i = 0; i < 5; ++i) {
    const StepResult result = step.run(batch, {0, i, /*learning_rate=*/0.0, 0.0});
    const std::string name = "step" + std::to_string(i);
    comparison.expect_close(result.loss, golden.at("loss"), exact, name + "/loss");
    comparison.expect_close(result.gradient_norm, norm, exact, name + "/grad_norm");
  }
}

using Check = void (*)(const Golden&, NetworkStem, const DeviceRun&, Comparison&);

void check_files(const std::string& prefix, NetworkStem stem, const DeviceRun& run, Check check) {
  testing::for_each_golden_file(prefix, ".pt", [&](const auto& file) {
    Comparison comparison(testing::title_of(file, run));
    check(testing::read_golden(file), stem, run, comparison);
  });
}

void check_cifar(const DeviceRun& run, Check check) {
  check_files("eval_cifar_", NetworkStem::cifar, run, check);
}

void check_imagenet(const DeviceRun& run, Check check) {
  check_files("eval_imagenet_", NetworkStem::imagenet, run, check);
}

TEST(golden_evaluation_network, Cifar) { check_cifar({}, check_network); }

TEST(golden_evaluation_network, ImageNet) { check_imagenet({}, check_network); }

TEST(golden_evaluation_network, TrainingStep) {
  check_cifar({}, check_train_step);
  check_imagenet({}, check_train_step);
}

using GoldenEvaluationNetworkCuda = testing::CudaTest;

TEST_F(GoldenEvaluationNetworkCuda, Cifar) { check_cifar({testing::gpu()}, check_network); }

TEST_F(GoldenEvaluationNetworkCuda, ImageNet) { check_imagenet({testing::gpu()}, check_network); }

TEST_F(GoldenEvaluationNetworkCuda, PlainExecution) {
  check_cifar({testing::gpu(), Execution::plain}, check_network);
}

TEST_F(GoldenEvaluationNetworkCuda, TrainingStepWithAndWithoutGraphs) {
  for (const bool graph : {false, true}) {
    check_cifar({testing::gpu(), Execution::fused, graph}, check_train_step);
    check_imagenet({testing::gpu(), Execution::fused, graph}, check_train_step);
  }
}

}  // namespace
}  // namespace darts
