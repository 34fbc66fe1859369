#include <darts/core/absolute_path.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/random.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/count.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/ops/noise.hpp>
#include <darts/run/load_config.hpp>
#include <darts/run/run_checkpoint.hpp>
#include <darts/search/memory_estimate.hpp>
#include <darts/search/search_run.hpp>
#include <darts/search/selection.hpp>

#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace darts {
namespace {

Supernet make_supernet(const SearchConfig& config, const SearchStage& stage, const SearchData& data,
                       const c10::Device& device) {
  const SupernetOptions options =
      supernet_options(config, stage, data.image_channels(), data.classes());
  check_memory(memory_need(config, options, data, device), device);
  return doing("make the supernet (" + describe_sizes(config) + ")", [&] {
    Supernet supernet(options);
    const auto number = static_cast<std::uint64_t>(stage.number);
    initialize_supernet(
        supernet,
        number == 0 ? config.seed : RandomStream(config.seed, RandomPurpose::stage, number)(),
        *search_method(config), {config.w.init, config.alpha.init_scale});
    supernet->to(device);
    if (device.is_cuda() && config.runtime.channels_last) {
      use_channels_last(*supernet);
    }
    return supernet;
  });
}

}  // namespace

std::unique_ptr<SearchRun> SearchRun::start(const SearchConfig& config, RunHooks hooks,
                                            const std::filesystem::path& init_from) {
  SearchConfig placed = config;
  static_cast<ImageOptions&>(placed.data) = with_absolute_paths(config.data);
  placed.run.root = absolute_path(config.run.root);
  placed.run.directory = absolute_path(config.run.directory);
  return start_run<SearchRun>(config.name, config.run, std::move(hooks), init_from, placed);
}

std::unique_ptr<SearchRun> SearchRun::resume(const std::filesystem::path& directory,
                                             RunHooks hooks) {
  check_program(directory, "darts_search");
  RunDirectory opened = RunDirectory::open(directory);
  const auto config = load_config<SearchConfig>(opened.config());
  return resume(std::move(opened), config, std::move(hooks));
}

std::unique_ptr<SearchRun> SearchRun::resume(RunDirectory directory, const SearchConfig& config,
                                             RunHooks hooks) {
  auto run = std::make_unique<SearchRun>(config, std::move(directory), std::move(hooks));
  run->go_on();
  return run;
}

SearchRun::SearchRun(SearchConfig config, RunDirectory directory, RunHooks hooks)
    : LongRun({"search", "darts_search"}, config.runtime, config.run, std::move(directory),
              std::move(hooks)),
      config_(std::move(config)),
      data_(config_, device(), log(), this->hooks().ranks),
      method_(search_method(config_)),
      records_(this->directory(), config_) {
  enter(first_stage(config_));
  if (ranks().is_first()) {
    for (const std::string& line : idle_settings(config_, this->device())) {
      log().warn(line);
    }
  }
  if (config_.runtime.cuda_graph && this->device().is_cuda() && has_noise(*supernet_)) {
    log().warn(
        "runtime.cuda_graph: noise is drawn anew in every pass, so that this run goes without");
  }
}

void SearchRun::enter(SearchStage stage) {
  stage_ = std::move(stage);
  supernet_ = make_supernet(config_, stage_, data_, device());
  step_ = doing("prepare the steps of the search (" + describe_sizes(config_) + ")", [this] {
    return std::make_unique<SearchStep>(supernet_, step_options(config_, device(), hooks().ranks));
  });
  state_.stage = stage_.number;
}

void SearchRun::advance() {
  const StageEnd before{stage_, tensors_of(supernet_, *step_)};
  SearchStage next = stage_;
  next.space.primitives = method_->next_primitives(supernet_->theta(), stage_);
  ++next.number;
  enter(std::move(next));
  Checkpoint now;
  now.tensors = tensors_of(supernet_, *step_);
  method_->take_over(before, stage_, now.tensors,
                     RandomStream(config_.seed, RandomPurpose::stage,
                                  static_cast<std::uint64_t>(stage_.number), 1)());
  restore_tensors(now, supernet_, *step_);
  log().info("stage " + std::to_string(stage_.number + 1) + " of " +
             std::to_string(method_->stages()) + ": " + std::to_string(supernet_->options().cells) +
             " cells, at most " +
             std::to_string(std::max(stage_.space.primitives.normal.columns(),
                                     stage_.space.primitives.reduce.columns())) +
             " operations an edge");
}

void SearchRun::initialize_from(const Checkpoint& checkpoint) {
  start_from(checkpoint, supernet_, *method_, data_.images().class_names, log());
}

void SearchRun::write_recipe() const { directory().write(directory().config(), to_yaml(config_)); }

void SearchRun::start_records() {
  records_.truncate(0);
  records_.add_theta(0, supernet_->theta(), stage_.space.primitives);
  if (!method_->trains()) {
    EpochSummary start;
    start.genotype = method_->derive(supernet_->theta(), stage_.space);
    start.genotype->name = config_.name;
    records_.write_genotype(start);
  }
}

Checkpoint SearchRun::checkpoint() {
  records_.sync();
  state_.alphas_size = records_.alphas_size();
  return make_checkpoint({supernet_, *step_, data_.images()}, state_, config_);
}

void SearchRun::restore(const Checkpoint& checkpoint) {
  if (SearchStage stage = stage_of(checkpoint, config_); stage.number != stage_.number) {
    enter(std::move(stage));
  }
  state_ = restore_checkpoint(checkpoint, {supernet_, *step_, data_.images()}, config_);
  records_.truncate(state_.alphas_size);
}

std::string SearchRun::sizes() const {
  return std::to_string(config_.search.batch_size) + " images of " + data_.image_size() + "; " +
         describe_sizes(config_);
}

bool SearchRun::depends_on_threads() {
  const bool fused = supernet_->options().execution.execution == Execution::fused;
  return !fused || !supernet_->has_kernels() || method_->attacks();
}

double SearchRun::learning_rate() const {
  return method_->anneals_by_stage()
             ? cosine_learning_rate(config_.w, state_.epoch % epochs_of_stage(config_),
                                    epochs_of_stage(config_))
             : cosine_learning_rate(config_.w, state_.epoch, epochs());
}

SearchPosition SearchRun::position(std::int64_t step) const {
  const std::int64_t epochs = epochs_of_stage(config_);
  return {state_.epoch - stage_.number * epochs, epochs, step, config_.seed, stage_.number};
}

/// What rises with the epochs of a stage, from nothing in the first one.
void SearchRun::regularize() {
  const SearchPosition at = position(state_.step);
  const double rise =
      at.epochs > 1 ? static_cast<double>(at.epoch) / static_cast<double>(at.epochs - 1) : 0.0;
  set_edge_drop_path(*supernet_, config_.search.drop_path * rise);
  if (config_.search.cutout_rises) {
    data_.set_cutout_share(rise);
  }
}

void SearchRun::start_epoch() {
  if (state_.epoch == (stage_.number + 1) * epochs_of_stage(config_)) {
    advance();
  }
  supernet_->train();
  if (config_.selection.by == Selection::perturbation && state_.step == 0) {
    select();
  }
  regularize();
  method_->start_epoch(*supernet_, position(state_.step));
  data_.start_epoch(state_.epoch, state_.step);
  skipped_before_ = state_.skipped;
}

void SearchRun::select() {
  const std::int64_t interval = config_.selection.interval;
  if (state_.epoch % interval != 0) {
    return;
  }
  const c10::NoGradGuard no_grad;
  set_edge_drop_path(*supernet_, 0.0);  // candidates are judged by the same whole supernet
  const Theta theta = supernet_->theta();
  const Mixings mixings = method_->mix_all(theta, position(0), Moves::nothing);
  restart_noise(*supernet_, {config_.seed, RandomPurpose::noise, RandomStream::max() - 1,
                             static_cast<std::uint64_t>(state_.epoch)});
  for (const Decision& decision :
       decide(theta, mixings, stage_.space, state_.epoch / interval, config_.seed,
              config_.selection.criterion, [this](const Mixings& m) { return judge(m); })) {
    log().info("  " + describe(decision, stage_.space));
    metrics().append(to_json(decision, stage_.space));
  }
}

/// Of a selection once all is decided, else by alpha.
Genotype SearchRun::derive() const {
  const Theta theta = supernet_->theta();
  if (auto selected = selected_genotype(theta, stage_.space)) {
    return *std::move(selected);
  }
  return method_->derive(theta, stage_.space);
}

std::optional<ReadyStep> SearchRun::next_step() {
  std::optional<SearchBatches> batches = data_.next();
  state_.skipped = skipped_before_ + data_.skipped();
  if (!batches) {
    return std::nullopt;
  }
  const std::int64_t images = batches->train.all();
  return ReadyStep{[this, batches = *std::move(batches)](std::int64_t step) {
                     return step_->launch(batches.train, batches.valid, learning_rate(),
                                          position(step));
                   },
                   data_.next_step(), images};
}

Fingerprint SearchRun::fingerprint() const {
  return fingerprint_of(identity_of(config_), to_json(data_.images()),
                        count_parameters(*supernet_));
}

void SearchRun::report(RunOutcome outcome) {
  if (outcome == RunOutcome::finished) {
    if (state_.trace.stop) {
      log().info(describe(*state_.trace.stop, epochs()));
    }
    if (std::error_code ignored; std::filesystem::exists(directory().genotype(), ignored)) {
      log().info("genotype: " + directory().genotype().string());
    } else {
      log().warn("no genotype was found; darts_search --derive " + directory().path().string() +
                 " with other settings of the method (--set) derives one from its alphas");
    }
  }
  if (outcome == RunOutcome::finished && state_.best_epoch > 0) {
    const bool bilevel = find_order(config_.search.order).bilevel;
    log().info((bilevel ? "best validation accuracy " : "best accuracy on images trained on ") +
               format_fixed(100.0 * state_.best_accuracy, 2) + " % in epoch " +
               std::to_string(state_.best_epoch));
  }
}

}  // namespace darts
