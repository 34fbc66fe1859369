#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/test_network.hpp>

#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string percent(double share) { return format_fixed(100.0 * share, 2) + " %"; }

std::string row(const std::string& name, const std::string& value) {
  constexpr std::size_t width = 24;
  return name + std::string(width - std::min(width - 1, columns(name)), ' ') + value + "\n";
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
  if (outcome.scores.images() == 0) {
    throw Error("none of the images to test on could be read");
  }
  outcome.skipped = loader.skipped();
  outcome.seconds = seconds_since(start);
  return outcome;
}

std::string describe(const TestOutcome& outcome, const std::vector<std::string>& class_names) {
  constexpr std::size_t most_rows = 100;
  const TestScores& scores = outcome.scores;
  std::string text =
      row("images", format_count(scores.images())) +
      (outcome.skipped > 0 ? row("unreadable images", format_count(outcome.skipped)) : "") +
      row("loss", format_fixed(scores.loss(), 4)) + row("top-1", percent(scores.top1())) +
      row("top-5", percent(scores.top5())) +
      row("images/s", format_fixed(static_cast<double>(scores.images()) / outcome.seconds, 1) +
                          " (waiting for data " +
                          percent(outcome.loader_seconds / outcome.seconds) + ")") +
      "\n";
  for (std::size_t i = 0; i < std::min(class_names.size(), most_rows); ++i) {
    const double accuracy = scores.accuracy_of(static_cast<std::int64_t>(i));
    text += row(class_names[i], std::isnan(accuracy) ? "no images" : percent(accuracy));
  }
  if (class_names.size() > most_rows) {
    text += "… (all " + std::to_string(class_names.size()) + " with --json)\n";
  }
  return text;
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
    if (batch->images.size(0) > 1) {  // the auxiliary head's batch norms cannot use one alone
      network->forward(to_device(std::move(*batch), device).images);
      ++done;
    }
  }
  if (done == 0) {
    throw Error("batch norm statistics need at least a batch of two readable images");
  }
  for (const auto& [norm, momentum] : norms) {
    norm->options.momentum(momentum);
  }
  network->eval();
  return done;
}

}  // namespace darts
