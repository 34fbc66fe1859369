#include <darts/core/device.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/train_data.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/eval/train_run.hpp>

#include <algorithm>
#include <chrono>
#include <functional>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Times {
  double step = 0.0;         ///< seconds a training step
  double test = 0.0;         ///< seconds a test batch
  double loader = 0.0;       ///< images a second that the loader delivers by itself
  std::int64_t images = 0;   ///< that it delivered, …
  std::int64_t skipped = 0;  ///< … and that it could not read
};

/// Fills the loader's part, and returns a batch to time a step with.
Batch measure_loader(TrainData& data, Times& times) {
  constexpr std::int64_t most_batches = 64;
  Batch largest;
  std::int64_t largest_size = 0;
  data.start_epoch(0);
  const double seconds = seconds_of([&] {
    for (std::int64_t i = 0; i < most_batches; ++i) {
      std::optional<Batch> batch = data.next();
      if (!batch) {
        break;
      }
      times.images += batch->images.size(0);
      if (batch->images.size(0) > largest_size) {
        largest_size = batch->images.size(0);
        largest = std::move(*batch);
      }
    }
  });
  times.skipped = data.skipped();
  if (largest_size < 2) {  // batch norm cannot train on one image
    throw no_usable_images(times.skipped);
  }
  times.loader = static_cast<double>(times.images) / seconds;
  return largest;
}

Times measure(const TrainConfig& config, TrainData& data, EvaluationNetwork& network) {
  Times times;
  const Batch batch = measure_loader(data, times);
  TrainStep step(network, step_config(config, batch.images.device()));
  network->train();
  const TrainPosition position{0, 0, config.w.learning_rate.start, config.network.drop_path};
  const auto run = [&] { step.run(batch, position); };
  run();  // the first one also prepares memory and algorithms
  times.step = seconds_of(run);
  network->eval();
  times.test = seconds_of(
      [&] { test_logits(network, batch.images, config.runtime.precision).sum().item<double>(); });
  return times;
}

}  // namespace

void train_dry_run(const TrainConfig& config, const Genotype& genotype, const Log& log) {
  const c10::Device device = prepare_runtime(config.runtime);
  log.info(to_yaml(config));
  log.info(to_notation(genotype));
  TrainData data(config, device, log);
  const NetworkDescription description = describe_network(config, genotype, data);
  log.info("images: " + format_count(data.train_images()) + " to train on, " +
           format_count(data.test_images()) + " to test on; " + std::to_string(data.height()) +
           "×" + std::to_string(data.width()) + "×" + std::to_string(data.image_channels()) + ", " +
           std::to_string(data.class_names().size()) + " classes");
  const NetworkCount size = count_network(description.options, data.height(), data.width());
  log.info("network: " + format_count(size.parameters) +
           " parameters (auxiliary head: " + format_count(size.auxiliary.parameters) + " more), " +
           format_count(size.multiply_adds) + " multiply-adds an image");
  EvaluationNetwork network = make_network(config, description, device);
  const Times times = measure(config, data, network);
  const auto images = static_cast<double>(std::min(config.train.batch_size, data.train_images()));
  const double delivery = images / times.loader;  // what is faster waits
  const double epoch =
      static_cast<double>(data.steps_per_epoch()) * std::max(times.step, delivery) +
      static_cast<double>(data.test_batches()) * std::max(times.test, delivery);
  log.info("steps an epoch: " + format_count(data.steps_per_epoch()));
  log.info("step: " + format_duration(times.step) + ", " + format_fixed(images / times.step, 0) +
           " images/s; the loader alone delivers " + format_fixed(times.loader, 0) + " images/s" +
           (delivery > times.step ? ", which limits the training" : ""));
  if (times.skipped > 0) {
    log.warn(format_count(times.skipped) + " of the first " +
             format_count(times.images + times.skipped) + " images cannot be read");
  }
  log.info("epoch: about " + format_duration(epoch) + "; the whole training: about " +
           format_duration(epoch * static_cast<double>(config.train.epochs)));
  log.info(
      "memory at the peak: " + format_bytes(static_cast<std::uint64_t>(peak_memory_bytes(device))) +
      " on " + device.str());
}

}  // namespace darts
