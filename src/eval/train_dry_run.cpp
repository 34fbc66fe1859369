#include <darts/core/device.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/test_network.hpp>
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
  double step = 0.0;    ///< seconds a training step
  double test = 0.0;    ///< seconds a test batch
  double loader = 0.0;  ///< images a second that the loader delivers by itself
};

double loader_speed(TrainData& data) {
  constexpr std::int64_t most_batches = 64;
  data.start_epoch(0);
  std::int64_t images = 0;
  const double seconds = seconds_of([&] {
    for (std::int64_t i = 0; i < std::min(most_batches, data.steps_per_epoch()); ++i) {
      images += data.next()->images.size(0);
    }
  });
  return static_cast<double>(images) / seconds;
}

Times measure(const TrainConfig& config, TrainData& data, EvaluationNetwork& network) {
  Times times;
  times.loader = loader_speed(data);
  TrainStep step(network, config);
  data.start_epoch(0);
  const Batch batch = data.next().value();
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
  const double epoch = static_cast<double>(data.steps_per_epoch()) * times.step +
                       static_cast<double>(data.test_batches()) * times.test;
  const auto images = static_cast<double>(std::min(config.train.batch_size, data.train_images()));
  log.info("steps an epoch: " + format_count(data.steps_per_epoch()));
  log.info("step: " + format_duration(times.step) + ", " + format_fixed(images / times.step, 0) +
           " images/s; the loader alone delivers " + format_fixed(times.loader, 0) + " images/s");
  log.info("epoch: about " + format_duration(epoch) + "; the whole training: about " +
           format_duration(epoch * static_cast<double>(config.train.epochs)));
  log.info(
      "memory at the peak: " + format_bytes(static_cast<std::uint64_t>(peak_memory_bytes(device))) +
      " on " + device.str());
}

}  // namespace darts
