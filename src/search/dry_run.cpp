#include <darts/core/device.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/count.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/search_data.hpp>
#include <darts/search/search_run.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Times {
  double step = 0.0;        ///< seconds a search step
  double validation = 0.0;  ///< seconds a validation batch
  double loader = 0.0;      ///< images a second that the loader delivers by itself
};

/// Of one image, in evaluation mode, on the CPU before the supernet moves to its device.
std::int64_t multiply_adds(Supernet& supernet, const SearchData& data, const Mixings& mixings) {
  const c10::NoGradGuard no_grad;
  supernet->eval();
  const at::Tensor image =
      at::zeros({1, data.image_channels(), data.height(), data.width()}, at::kFloat);
  return count_multiply_adds([&] { supernet->forward(image, mixings); });
}

double loader_speed(SearchData& data) {
  constexpr std::int64_t most_batches = 64;
  data.start_epoch(0);
  std::int64_t images = 0;
  const double seconds = seconds_of([&] {
    for (std::int64_t i = 0; i < std::min(most_batches, data.steps_per_epoch()); ++i) {
      const auto batches = data.next();
      images += batches->train.images.size(0);
      images += batches->valid.images.defined() ? batches->valid.images.size(0) : 0;
    }
  });
  return static_cast<double>(images) / seconds;
}

Times measure(const SearchConfig& config, SearchData& data, Supernet& supernet) {
  Times times;
  times.loader = loader_speed(data);
  SearchStep step(supernet, step_options(config, supernet->parameters().front().device()));
  data.start_epoch(0);
  const SearchBatches batches = data.next().value();
  supernet->train();
  const auto run = [&] { step.run(batches.train, batches.valid, config.w.learning_rate); };
  run();  // the first one also prepares memory and algorithms
  times.step = seconds_of(run);
  const c10::NoGradGuard no_grad;
  supernet->eval();
  const Mixings mixings =
      make_method(config.search.method)->mix_all(supernet->theta(), {}, Moves::w);
  times.validation =
      seconds_of([&] { supernet->forward(batches.train.images, mixings).sum().item<double>(); });
  return times;
}

}  // namespace

void dry_run(const SearchConfig& config, const Log& log) {
  const c10::Device device = prepare_runtime(config.runtime);
  log.info(to_yaml(config));
  SearchData data(config, device);
  Supernet supernet(supernet_options(config, data.image_channels(), data.classes()));
  const auto method = make_method(config.search.method);
  initialize_supernet(supernet, config.seed, *method);
  log.info("images: " + format_count(data.train_images()) + " for w, " +
           format_count(data.valid_images()) + " held out; " + std::to_string(data.height()) + "×" +
           std::to_string(data.width()) + "×" + std::to_string(data.image_channels()) + ", " +
           std::to_string(data.classes()) + " classes");
  log.info("supernet: " + format_count(count_elements(supernet->weights())) + " parameters, " +
           format_count(
               multiply_adds(supernet, data, method->mix_all(supernet->theta(), {}, Moves::w))) +
           " multiply-adds an image");
  supernet->to(device);
  const Times times = measure(config, data, supernet);
  const auto steps = static_cast<double>(data.steps_per_epoch());
  const double epoch =
      steps * times.step + static_cast<double>(data.validation_batches()) * times.validation;
  const auto images = static_cast<double>(std::min(config.search.batch_size, data.train_images()));
  log.info("steps an epoch: " + format_count(data.steps_per_epoch()));
  log.info("step: " + format_duration(times.step) + ", " + format_fixed(images / times.step, 0) +
           " images/s of w; the loader alone delivers " + format_fixed(times.loader, 0) +
           " images/s");
  log.info("epoch: about " + format_duration(epoch) + "; the whole search: about " +
           format_duration(epoch * static_cast<double>(config.search.epochs)));
  log.info(
      "memory at the peak: " + format_bytes(static_cast<std::uint64_t>(peak_memory_bytes(device))) +
      " on " + device.str());
}

}  // namespace darts
