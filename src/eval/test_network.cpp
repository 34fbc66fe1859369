#include <darts/core/device.hpp>
#include <darts/eval/test_network.hpp>

#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>

#include <chrono>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Batch to_device(Batch batch, const c10::Device& device) {
  if (!device.is_cpu()) {
    batch.images = batch.images.to(device, batch.images.scalar_type(), /*non_blocking=*/true);
    batch.labels = batch.labels.to(device, batch.labels.scalar_type(), /*non_blocking=*/true);
  }
  return batch;
}

at::Tensor test_logits(EvaluationNetwork& network, const at::Tensor& images, Precision precision) {
  const c10::NoGradGuard no_grad;
  const AutocastGuard autocast(images.device(), precision);
  return network->forward(images).logits.to(at::kFloat);
}

std::optional<TestOutcome> test_network(EvaluationNetwork& network, BatchLoader& loader,
                                        const TestOptions& options) {
  RunHooks hooks;
  hooks.show_progress = options.show_progress;
  auto progress = hooks.progress("test", loader.batches_per_epoch());
  network->eval();
  TestOutcome outcome{TestScores(network->options().classes)};
  std::int64_t done = 0;
  const auto start = Clock::now();
  loader.start(0);
  for (;;) {
    const auto wait = Clock::now();
    std::optional<Batch> batch = loader.next();
    outcome.loader_seconds += seconds_since(wait);
    if (!batch) {
      break;
    }
    const Batch moved = to_device(std::move(*batch), options.device);
    outcome.scores.add(test_logits(network, moved.images, options.precision), moved.labels);
    if (progress) {
      progress->update(++done);
    }
    if (options.should_stop && options.should_stop()) {
      return std::nullopt;
    }
  }
  outcome.seconds = seconds_since(start);
  return outcome;
}

std::int64_t recalibrate(EvaluationNetwork& network, BatchLoader& loader, std::int64_t batches,
                         const c10::Device& device) {
  const c10::NoGradGuard no_grad;
  std::vector<std::pair<torch::nn::BatchNorm2dImpl*, std::optional<double>>> norms;
  for (const auto& module : network->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) {
      norms.emplace_back(norm, norm->options.momentum());
      norm->reset_running_stats();
      norm->options.momentum(std::nullopt);  // the plain mean of all batches
    }
  }
  network->train();
  std::int64_t done = 0;
  loader.start(0);
  while (done < batches) {
    std::optional<Batch> batch = loader.next();
    if (!batch) {
      break;
    }
    network->forward(to_device(std::move(*batch), device).images);
    ++done;
  }
  for (const auto& [norm, momentum] : norms) {
    norm->options.momentum(momentum);
  }
  network->eval();
  return done;
}

}  // namespace darts
