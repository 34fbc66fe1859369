#include <darts/core/doing.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/count.hpp>
#include <darts/run/run_state.hpp>
#include <darts/run/trial.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/memory_estimate.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_data.hpp>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace darts {
namespace {

/// Of one image, in evaluation mode, on the CPU before the supernet moves to its device.
std::int64_t multiply_adds(Supernet& supernet, const SearchData& data, const Mixings& mixings) {
  const c10::NoGradGuard no_grad;
  supernet->eval();
  const at::Tensor image =
      at::zeros({1, data.image_channels(), data.height(), data.width()}, at::kFloat);
  return count_multiply_adds([&] { supernet->forward(image, mixings); });
}

LoaderTrial measure_loader(SearchData& data) {
  data.start_epoch(0);
  LoaderTrial trial = try_loader([&data]() -> std::optional<std::int64_t> {
    const auto batches = data.next();
    if (!batches) {
      return std::nullopt;
    }
    return batches->train.images.size(0) +
           (batches->valid.images.defined() ? batches->valid.images.size(0) : 0);
  });
  trial.skipped = data.skipped();
  if (trial.images == 0) {
    throw no_usable_images(trial.skipped);
  }
  return trial;
}

/// Times of a step and of a validation batch.
void measure(const SearchConfig& config, SearchData& data, Supernet& supernet, Trial& trial) {
  SearchStep step(supernet, step_options(config, supernet->parameters().front().device()));
  data.start_epoch(0);
  const SearchBatches batches = data.next().value();
  supernet->train();
  const auto run = [&] { step.run(batches.train, batches.valid, config.w.learning_rate); };
  run();  // the first one also prepares memory and algorithms
  trial.step_seconds = seconds_of(run);
  const c10::NoGradGuard no_grad;
  supernet->eval();
  const Mixings mixings = search_method(config)->mix_all(supernet->theta(), {}, Moves::nothing);
  trial.test_seconds =
      seconds_of([&] { supernet->forward(batches.train.images, mixings).sum().item<double>(); });
}

/// Where there are several stages: the memory of those after the first one, whose edges keep what
/// they would of theta as it begins.
void check_later_stages(const SearchConfig& config, const SearchData& data, Supernet& supernet,
                        const c10::Device& device, const Log& log) {
  const auto method = search_method(config);
  SearchStage stage = first_stage(config);
  while (stage.number + 1 < method->stages()) {
    stage.space.primitives = method->next_primitives(supernet->theta(), stage);
    ++stage.number;
    const SupernetOptions options =
        supernet_options(config, stage, data.image_channels(), data.classes());
    const MemoryNeed need = memory_need(config, options, data, device);
    log.info("stage " + std::to_string(stage.number + 1) + " of " +
             std::to_string(method->stages()) + ", about: " + describe(need, device));
    check_memory(need, device);
  }
  if (stage.number > 0) {
    log.info("what follows is measured of stage 1 of " + std::to_string(method->stages()) +
             "; the others take other times");
  }
}

Trial try_search(const SearchConfig& config, SearchData& data, const c10::Device& device,
                 const Log& log, const std::filesystem::path& init_from) {
  const SupernetOptions options =
      supernet_options(config, first_stage(config), data.image_channels(), data.classes());
  const MemoryNeed need = memory_need(config, options, data, device);
  log.info(describe(need, device));
  check_memory(need, device);
  Supernet supernet(options);
  const auto method = search_method(config);
  initialize_supernet(supernet, config.seed, *method, {config.w.init, config.alpha.init_scale});
  if (!init_from.empty()) {
    start_from(load_finite_checkpoint(init_from), supernet, *method, data.images().class_names,
               log);
  }
  check_later_stages(config, data, supernet, device, log);
  log.info("images: " + format_count(data.train_images()) + " for w, " +
           format_count(data.valid_images()) + " held out; " + data.image_size() + ", " +
           std::to_string(data.classes()) + " classes");
  log.info("supernet: " + format_count(count_elements(supernet->weights())) + " parameters, " +
           format_count(multiply_adds(supernet, data,
                                      method->mix_all(supernet->theta(), {}, Moves::nothing))) +
           " multiply-adds an image");
  supernet->to(device);
  Trial trial{.what = "search", .trained_on = " of w", .epochs = epochs_of(config)};
  trial.parameters = count_elements(supernet->weights());
  trial.loader = measure_loader(data);
  trial.steps = data.steps_per_epoch();
  trial.images = std::min(config.search.batch_size, data.train_images());
  trial.loaded = trial.images * (find_order(config.search.order).bilevel ? 2 : 1);
  trial.test_batches = data.validation_batches();
  measure(config, data, supernet, trial);
  report(trial, device, log);
  return trial;
}

}  // namespace

Trial dry_run(const SearchConfig& config, const Log& log, const std::filesystem::path& init_from) {
  const c10::Device device = prepare_runtime(config.runtime, *single_rank());
  log.info(to_yaml(config));
  for (const std::string& line : idle_settings(config, device)) {
    log.warn(line);
  }
  SearchData data(config, device, log);
  return doing("try a step of the search (" + std::to_string(config.search.batch_size) +
                   " images of " + data.image_size() + "; " + describe_sizes(config) + ")",
               [&] { return try_search(config, data, device, log, init_from); });
}

}  // namespace darts
