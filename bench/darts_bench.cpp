// darts_bench: times a search step of every method, a training step of the evaluation network, and
// an epoch of the loader.
//
// Every step runs on made-up images. The paper's sizes (search: 16 channels, 8 cells, batch 64;
// evaluation: DARTS_V2 with 36 channels, 20 cells, batch 96, cutout, auxiliary head) take seconds
// a step and gigabytes, so they run only when asked for:
// --benchmark_filter=search_step/paper/first, evaluation_step/paper. evaluation_operators prints
// what such a step spends its time on.

#include "operator_times.hpp"

#include <darts/core/device.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace darts;

struct Size {
  const char* name;
  std::int64_t channels;
  std::int64_t cells;
  std::int64_t batch;
};

constexpr Size sizes[] = {{"small", 8, 3, 32}, {"paper", 16, 8, 64}};

Batch random_batch(std::int64_t images) {
  return {at::rand({images, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast),
          at::randint(10, {images}, at::kLong)};
}

void search_step(benchmark::State& state, const Size& size, SearchMethod method) {
  SupernetOptions network;
  network.channels = size.channels;
  network.cells = size.cells;
  Supernet supernet(network);
  initialize_supernet(supernet, 0);
  SearchStepOptions options;
  options.method = method;
  SearchStep step(supernet, options);
  const Batch train = random_batch(size.batch);
  const Batch valid = random_batch(size.batch);
  step.run(train, valid, options.w.learning_rate);  // prepares memory and algorithms
  for (auto _ : state) {
    benchmark::DoNotOptimize(step.run(train, valid, options.w.learning_rate));
  }
  state.SetItemsProcessed(state.iterations() * size.batch);
  state.counters["peak_memory_bytes"] = static_cast<double>(peak_memory_bytes(at::kCPU));
}

std::shared_ptr<const ImageSet> random_images(std::int64_t count) {
  auto set = std::make_shared<ImageSet>();
  set->images = at::randint(256, {count, 32, 32, 3}, at::kByte);
  set->labels = at::randint(10, {count}, at::kLong);
  set->class_names.assign(10, "class");
  set->mean.assign(3, 0.5);
  set->stddev.assign(3, 0.25);
  return set;
}

std::vector<std::int64_t> all(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// A step of training DARTS_V2's network by the paper's recipe for CIFAR-10: drop path, auxiliary
/// head, clipping; its batches come from the loader, with crop, flip and cutout.
class EvaluationStep {
 public:
  explicit EvaluationStep(const Size& size)
      : config_(config_of(size)),
        step_(make_network(config_), config_),
        loader_(random_images(16 * size.batch), all(16 * size.batch), loader_options(config_)) {}

  double run() {
    std::optional<Batch> batch = loader_.next();
    if (!batch) {
      loader_.start(epoch_++);
      batch = loader_.next();
    }
    return step_.run(*batch, {0, 0, config_.w.learning_rate.start, config_.network.drop_path}).loss;
  }

 private:
  static TrainConfig config_of(const Size& size) {
    TrainConfig config;  // whose defaults are the paper's
    config.network.channels = size.channels;
    config.network.cells = size.cells;
    config.train.batch_size = size.batch;
    return config;
  }

  static EvaluationNetwork make_network(const TrainConfig& config) {
    EvaluationNetwork network(network_options(config, load_genotype("DARTS_V2"), 3, 10));
    initialize_weights(*network, 0);
    return network;
  }

  static LoaderOptions loader_options(const TrainConfig& config) {
    LoaderOptions options;
    options.batch_size = config.train.batch_size;
    options.augmentation = config.data.augmentation;
    return options;
  }

  TrainConfig config_;
  TrainStep step_;
  BatchLoader loader_;
  std::int64_t epoch_ = 0;
};

constexpr Size evaluation_sizes[] = {{"small", 8, 5, 64}, {"paper", 36, 20, 96}};

void evaluation_step(benchmark::State& state, const Size& size) {
  EvaluationStep step(size);
  step.run();  // prepares memory and algorithms
  for (auto _ : state) {
    benchmark::DoNotOptimize(step.run());
  }
  state.SetItemsProcessed(state.iterations() * size.batch);
  state.counters["peak_memory_bytes"] = static_cast<double>(peak_memory_bytes(at::kCPU));
}

void evaluation_operators(benchmark::State& state, const Size& size) {
  constexpr std::size_t most = 16;
  EvaluationStep step(size);
  step.run();
  for (auto _ : state) {
    std::cout << operator_times([&] { step.run(); }, most) << std::flush;
  }
}

/// CIFAR-10's size: 50,000 images of 32×32×3, cropped and flipped.
void loader_epoch(benchmark::State& state) {
  constexpr std::int64_t count = 50000;
  LoaderOptions options;
  options.workers = static_cast<int>(state.range(0));
  BatchLoader loader(random_images(count), all(count), options);
  std::int64_t epoch = 0;
  for (auto _ : state) {
    loader.start(epoch++);
    while (const auto batch = loader.next()) {
      benchmark::DoNotOptimize(batch->images.const_data_ptr<float>());
    }
  }
  state.SetItemsProcessed(state.iterations() * count);
}

void register_all() {
  for (const Size& size : sizes) {
    for (const SearchMethodRow& row : search_methods()) {
      const std::string name =
          "search_step/" + std::string(size.name) + "/" + std::string(row.name);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [&size, method = row.method](benchmark::State& state) {
                                     search_step(state, size, method);
                                   })
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime()
          ->MinTime(2.0);
    }
  }
  for (const Size& size : evaluation_sizes) {
    const std::string name = "evaluation_step/" + std::string(size.name);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&size](benchmark::State& state) { evaluation_step(state, size); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->MinTime(2.0);
    const std::string operators = "evaluation_operators/" + std::string(size.name);
    benchmark::RegisterBenchmark(
        operators.c_str(), [&size](benchmark::State& state) { evaluation_operators(state, size); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->Iterations(1);
  }
  benchmark::RegisterBenchmark("loader_epoch", loader_epoch)
      ->ArgName("workers")
      ->Arg(0)
      ->Arg(1)
      ->Arg(2)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("DARTS_BENCH_PLAIN_MEMORY") == nullptr) {
    use_huge_page_memory();
  }
  std::vector<char*> arguments(argv, argv + argc);
  std::string default_filter = "--benchmark_filter=step/small|loader";
  const bool filtered = std::any_of(argv, argv + argc, [](std::string_view argument) {
    return argument.starts_with("--benchmark_filter") || argument == "--help";
  });
  if (!filtered) {
    arguments.push_back(default_filter.data());
  }
  int count = static_cast<int>(arguments.size());
  register_all();
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
}
