#include "eval/small_training.hpp"

#include <darts/eval/train_step.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/one_hot.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

constexpr std::int64_t classes = testing::small_training_classes;

/// Plain SGD, whose update is its gradient.
TrainConfig plain_config() {
  TrainConfig config;
  config.network.cells = 3;
  config.network.channels = 2;
  config.network.auxiliary = 0.0;
  config.w.momentum = 0.0;
  config.w.weight_decay = 0.0;
  config.w.clip_norm = 1e9;
  return config;
}

EvaluationNetwork copy_of(const EvaluationNetwork& network) {
  return EvaluationNetwork(std::dynamic_pointer_cast<EvaluationNetworkImpl>(network->clone()));
}

/// Cross entropy with label smoothing, written out.
at::Tensor smoothed(const at::Tensor& logits, const at::Tensor& labels, double epsilon) {
  const at::Tensor target = (1.0 - epsilon) * at::one_hot(labels, classes).to(at::kDouble) +
                            epsilon / static_cast<double>(classes);
  return -(target * at::log_softmax(logits, 1)).sum(1).mean();
}

/// Gradients of the plain loss at the network's weights, flattened, times `share`.
at::Tensor gradient(EvaluationNetwork& network, const Batch& batch, double share = 1.0) {
  network->zero_grad();
  (share * smoothed(network->forward(batch.images).logits, batch.labels, 0.0)).backward();
  std::vector<at::Tensor> parts;
  for (const at::Tensor& parameter : network->parameters()) {
    parts.push_back(parameter.grad().flatten());
  }
  return at::cat(parts);
}

at::Tensor weights(const EvaluationNetwork& network) {
  std::vector<at::Tensor> parts;
  for (const at::Tensor& parameter : network->parameters()) {
    parts.push_back(parameter.detach().flatten());
  }
  return at::cat(parts);
}

void set_weights(EvaluationNetwork& network, const at::Tensor& values) {
  const c10::NoGradGuard no_grad;
  std::int64_t begin = 0;
  for (const at::Tensor& parameter : network->parameters()) {
    parameter.copy_(values.narrow(0, begin, parameter.numel()).view(parameter.sizes()));
    begin += parameter.numel();
  }
}

TrainPosition at_rate(double learning_rate) { return {0, 0, learning_rate, 0.0}; }

TEST(TrainStep, MomentumNesterovAndWeightDecayFollowTheirFormulas) {
  for (const bool nesterov : {false, true}) {
    SCOPED_TRACE(nesterov);
    TrainConfig config = plain_config();
    config.w.momentum = 0.9;
    config.w.nesterov = nesterov;
    config.w.weight_decay = 0.01;
    const EvaluationNetwork network = testing::small_training_network(config);
    EvaluationNetwork by_hand = copy_of(network);
    TrainStep step(network, config);
    at::Tensor velocity;
    for (std::uint64_t t = 0; t < 3; ++t) {
      const double rate = 0.02 / (1.0 + static_cast<double>(t));
      const Batch batch = testing::small_training_batch(4, 10 * t);
      step.run(batch, at_rate(rate));
      const at::Tensor w = weights(by_hand);
      const at::Tensor g = gradient(by_hand, batch) + 0.01 * w;
      velocity = velocity.defined() ? 0.9 * velocity + g : g;
      set_weights(by_hand, w - rate * (nesterov ? g + 0.9 * velocity : velocity));
      EXPECT_TRUE(weights(network).allclose(weights(by_hand), 1e-10, 1e-12)) << "step " << t;
    }
  }
}

TEST(TrainStep, TheGradientIsScaledDownToTheNorm) {
  TrainConfig config = plain_config();
  config.w.clip_norm = 0.125;
  const EvaluationNetwork network = testing::small_training_network(config);
  EvaluationNetwork by_hand = copy_of(network);
  const Batch batch = testing::small_training_batch(4, 1);
  const at::Tensor before = weights(network);
  const StepResult result = TrainStep(network, config).run(batch, at_rate(1.0));
  const at::Tensor g = gradient(by_hand, batch);
  const double norm = g.norm().item<double>();
  EXPECT_GT(norm, 0.125);
  EXPECT_NEAR(result.gradient_norm, norm, 1e-9 * norm);
  const at::Tensor moved = before - weights(network);
  EXPECT_NEAR(moved.norm().item<double>(), 0.125, 1e-6);
  EXPECT_TRUE(moved.allclose(g * (0.125 / norm), 1e-4, 1e-10));
}

TEST(TrainStep, PartsOfABatchAddUpByTheirSizes) {
  TrainConfig config = plain_config();
  config.train.parts = 3;
  const EvaluationNetwork network = testing::small_training_network(config);
  EvaluationNetwork by_hand = copy_of(network);
  const Batch batch = testing::small_training_batch(8, 2);  // 3 + 3 + 2
  const at::Tensor before = weights(network);
  const StepResult result = TrainStep(network, config).run(batch, at_rate(1.0));
  at::Tensor expected;
  double loss = 0.0;
  for (const auto& [begin, count] : {std::pair(0, 3), std::pair(3, 3), std::pair(6, 2)}) {
    const Batch part{batch.images.narrow(0, begin, count), batch.labels.narrow(0, begin, count)};
    const at::Tensor g = gradient(by_hand, part, count / 8.0);
    expected = expected.defined() ? expected + g : g;
    const c10::NoGradGuard no_grad;
    loss +=
        count / 8.0 *
        smoothed(copy_of(by_hand)->forward(part.images).logits, part.labels, 0.0).item<double>();
  }
  EXPECT_TRUE((before - weights(network)).allclose(expected, 1e-10, 1e-12));
  EXPECT_NEAR(result.loss, loss, 1e-10);
}

TEST(TrainStep, TheLossIsSmoothedAndHasTheAuxiliaryHeadsShare) {
  TrainConfig config = plain_config();
  config.network.auxiliary = 0.4;
  config.train.label_smoothing = 0.1;
  const EvaluationNetwork network = testing::small_training_network(config);
  const EvaluationNetwork by_hand = copy_of(network);
  const Batch batch = testing::small_training_batch(4, 3);
  const StepResult result = TrainStep(network, config).run(batch, at_rate(0.1));
  const auto output = EvaluationNetwork(by_hand)->forward(batch.images);
  const double expected = smoothed(output.logits, batch.labels, 0.1).item<double>() +
                          0.4 * smoothed(output.auxiliary, batch.labels, 0.1).item<double>();
  EXPECT_NEAR(result.loss, expected, 1e-10);
  EXPECT_EQ(result.correct, output.logits.argmax(1).eq(batch.labels).sum().item<std::int64_t>());
}

TEST(TrainStep, DropPathIsAFunctionOfSeedEpochAndStep) {
  TrainConfig config = plain_config();
  const auto loss = [&](std::int64_t epoch, std::int64_t step, double drop_path) {
    const EvaluationNetwork network = testing::small_training_network(config);
    return TrainStep(network, config)
        .run(testing::small_training_batch(4, 4), {epoch, step, 0.1, drop_path})
        .loss;
  };
  EXPECT_EQ(loss(1, 2, 0.5), loss(1, 2, 0.5));
  EXPECT_NE(loss(1, 2, 0.5), loss(1, 3, 0.5));
  EXPECT_NE(loss(1, 2, 0.5), loss(2, 2, 0.5));
  EXPECT_EQ(loss(1, 2, 0.0), loss(2, 3, 0.0));
}

TEST(DropPathProbability, RisesLinearlyFromZero) {
  TrainConfig config;
  config.network.drop_path = 0.2;
  config.train.epochs = 600;
  for (std::int64_t epoch = 0; epoch < 600; ++epoch) {
    EXPECT_NEAR(drop_path_probability(config, epoch), static_cast<double>(epoch) / 3000.0, 1e-15);
  }
}

}  // namespace
}  // namespace darts
