#include <darts/core/error.hpp>
#include <darts/core/host_copy.hpp>
#include <darts/core/text.hpp>
#include <darts/data/batch_mover.hpp>
#include <darts/eval/inference.hpp>
#include <darts/ops/noise.hpp>
#include <darts/run/hooks.hpp>

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

struct TestedBatch {
  HostCopy logits;
  at::Tensor labels;  ///< on the CPU
};

/// While it lives, batch norms average over all batches that they see, from none on. Afterwards the
/// network is as it was, in evaluation mode; with keep(), it has the new statistics.
class MeasuredStatistics {
 public:
  explicit MeasuredStatistics(EvaluationNetworkImpl& network) : network_(network) {
    for (const auto& module : network.modules()) {
      if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) {
        norms_.push_back({norm, norm->options.momentum(), norm->running_mean.clone(),
                          norm->running_var.clone(), norm->num_batches_tracked.clone()});
        norm->reset_running_stats();
        norm->options.momentum(std::nullopt);  // the plain mean of all batches
      }
    }
  }
  ~MeasuredStatistics() {
    for (const Norm& norm : norms_) {
      norm.module->options.momentum(norm.momentum);
      if (!kept_) {
        norm.module->running_mean.copy_(norm.mean);
        norm.module->running_var.copy_(norm.variance);
        norm.module->num_batches_tracked.copy_(norm.batches);
      }
    }
    network_.eval();
  }
  MeasuredStatistics(const MeasuredStatistics&) = delete;
  MeasuredStatistics& operator=(const MeasuredStatistics&) = delete;

  void keep() { kept_ = true; }

 private:
  struct Norm {
    torch::nn::BatchNorm2dImpl* module;
    std::optional<double> momentum;
    at::Tensor mean, variance, batches;
  };
  EvaluationNetworkImpl& network_;
  std::vector<Norm> norms_;
  bool kept_ = false;
};

std::string percent(double share) { return format_fixed(100.0 * share, 2) + " %"; }

std::string row(const std::string& name, const std::string& value) {
  constexpr std::size_t width = 24;
  return name + std::string(width - std::min(width - 1, columns(name)), ' ') + value + "\n";
}

}  // namespace

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
  restart_noise(*network, {0, RandomPurpose::noise});
  const BatchMover mover(options.device);
  TestOutcome outcome{TestScores(network->options().classes)};
  std::optional<TestedBatch> last;  // its logits are on their way while the next ones are computed
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
    if (batch->labels.size(0) > 0) {
      if (options.shared && !batch->shares.empty()) {
        options.shared->begin(batch->shares.front());
      }
      const at::Tensor labels = batch->labels;
      const Batch moved = mover.move(std::move(*batch));
      TestedBatch now{HostCopy(test_logits(network, moved.images, options.precision)), labels};
      if (last) {
        outcome.scores.add(last->logits.get(), last->labels);
      }
      last = std::move(now);
    }
    if (progress) {
      progress->update(++done);
    }
    if (options.should_stop && options.should_stop()) {
      return std::nullopt;
    }
  }
  if (last) {
    outcome.scores.add(last->logits.get(), last->labels);
  }
  if (options.shared) {
    outcome.scores.add_up(options.shared->ranks());
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
  MeasuredStatistics statistics(*network);
  network->train();
  const BatchMover mover(device);
  std::int64_t done = 0;
  loader.start(0);
  while (done < batches) {
    std::optional<Batch> batch = loader.next();
    if (!batch) {
      break;
    }
    if (batch->images.size(0) > 1) {  // the auxiliary head's batch norms cannot use one alone
      network->forward(mover.move(std::move(*batch)).images);
      ++done;
    }
  }
  if (done == 0) {
    throw Error("batch norm statistics need at least a batch of two readable images");
  }
  statistics.keep();
  return done;
}

}  // namespace darts
