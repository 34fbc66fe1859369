#include <darts/core/device.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/eval/train_data.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/eval/train_run.hpp>
#include <darts/run/trial.hpp>

#include <algorithm>

namespace darts {
namespace {

/// Fills the loader's part, and returns a batch to time a step with.
Batch measure_loader(TrainData& data, Trial& trial) {
  Batch largest;
  std::int64_t largest_size = 0;
  data.start_epoch(0);
  trial.loader = try_loader([&]() -> std::optional<std::int64_t> {
    std::optional<Batch> batch = data.next();
    if (!batch) {
      return std::nullopt;
    }
    const std::int64_t size = batch->images.size(0);
    if (size > largest_size) {
      largest_size = size;
      largest = *std::move(batch);
    }
    return size;
  });
  trial.loader.skipped = data.skipped();
  if (largest_size < 2) {  // batch norm cannot train on one image
    throw no_usable_images(trial.loader.skipped);
  }
  return largest;
}

/// Times of a step and of a test batch.
void measure(const TrainConfig& config, const Batch& batch, EvaluationNetwork& network,
             Trial& trial) {
  TrainStep step(network, step_config(config, batch.images.device()));
  network->train();
  const TrainPosition position{0, 0, config.w.learning_rate.start, config.network.drop_path};
  const auto run = [&] { step.run(batch, position); };
  run();  // the first one also prepares memory and algorithms
  trial.step_seconds = seconds_of(run);
  network->eval();
  trial.test_seconds = seconds_of(
      [&] { test_logits(network, batch.images, config.runtime.precision).sum().item<double>(); });
}

Trial try_training(const TrainConfig& config, const Genotype& genotype, TrainData& data,
                   const Log& log, const std::filesystem::path& init_from) {
  const c10::Device device = choose_device(config.runtime.device);
  const NetworkDescription description = describe_network(config, genotype, data);
  log.info("images: " + format_count(data.train_images()) + " to train on, " +
           format_count(data.test_images()) +
           (data.holds_out() ? " kept for selection; " : " to test on; ") + data.image_size() +
           ", " + std::to_string(data.class_names().size()) + " classes");
  const MemoryNeed need = memory_need(config, description.options, data);
  log.info(describe(need, device));
  check_memory(need, device);
  const NetworkCount size = count_network(description.options, data.height(), data.width());
  log.info("network: " + format_count(size.parameters) +
           " parameters (auxiliary head: " + format_count(size.auxiliary.parameters) + " more), " +
           format_count(size.multiply_adds) + " multiply-adds an image");
  EvaluationNetwork network = make_network(config, description, data, device);
  if (!init_from.empty()) {
    start_from(load_finite_checkpoint(init_from), network, description, log);
  }
  Trial trial{.what = "training", .epochs = config.train.epochs};
  trial.parameters = size.parameters + size.auxiliary.parameters;
  const Batch batch = measure_loader(data, trial);
  trial.steps = data.steps_per_epoch();
  trial.images = std::min(config.train.batch_size, data.train_images());
  trial.loaded = trial.images;
  trial.test_batches = data.test_batches();
  measure(config, batch, network, trial);
  report(trial, device, log);
  return trial;
}

}  // namespace

Trial train_dry_run(const TrainConfig& config, const Genotype& genotype, const Log& log,
                    const std::filesystem::path& init_from) {
  const c10::Device device = prepare_runtime(config.runtime, *single_rank());
  log.info(to_yaml(config));
  for (const std::string& line : idle_settings(config, device)) {
    log.warn(line);
  }
  log.info(to_notation(genotype));
  TrainData data(config, device, log);
  return doing("try a step of the training (" + std::to_string(config.train.batch_size) +
                   " images of " + data.image_size() + "; " + describe_sizes(config) + ")",
               [&] { return try_training(config, genotype, data, log, init_from); });
}

}  // namespace darts
