#include <darts/core/absolute_path.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/noise.hpp>
#include <darts/run/load_config.hpp>
#include <darts/search/search_run.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <utility>

namespace darts {
namespace {

Supernet make_supernet(const SearchConfig& config, const SearchData& data,
                       const c10::Device& device, const SearchMethod& method) {
  Supernet supernet(supernet_options(config, data.image_channels(), data.classes()));
  initialize_supernet(supernet, config.seed, method);
  supernet->to(device);
  if (device.is_cuda() && config.runtime.channels_last) {
    use_channels_last(*supernet);
  }
  return supernet;
}

}  // namespace

std::unique_ptr<SearchRun> SearchRun::start(const SearchConfig& config, RunHooks hooks,
                                            const std::filesystem::path& init_from) {
  SearchConfig placed = config;
  static_cast<ImageOptions&>(placed.data) = with_absolute_paths(config.data);
  placed.run.root = absolute_path(config.run.root);
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
      data_(config_, device(), log()),
      method_(make_method(config_.search.method)),
      space_(search_space(config_)),
      supernet_(make_supernet(config_, data_, device(), *method_)),
      step_(supernet_, step_options(config_, device())),
      records_(this->directory(), config_) {
  for (const std::string& line : idle_settings(config_, this->device())) {
    log().warn(line);
  }
  if (config_.runtime.cuda_graph && this->device().is_cuda() && has_noise(*supernet_)) {
    log().warn(
        "runtime.cuda_graph: noise is drawn anew in every pass, so that this run goes without");
  }
}

void SearchRun::initialize_from(const Checkpoint& checkpoint) {
  start_from(checkpoint, supernet_, data_.images().class_names, log());
}

void SearchRun::write_recipe() const {
  write_file_atomically(directory().config(), to_yaml(config_));
}

void SearchRun::start_records() {
  records_.truncate(0);
  records_.add_alphas(0, supernet_->alphas());
}

Checkpoint SearchRun::checkpoint() {
  records_.sync();
  state_.alphas_size = records_.alphas_size();
  return make_checkpoint({supernet_, step_, data_.images()}, state_, config_);
}

void SearchRun::restore(const Checkpoint& checkpoint) {
  state_ = restore_checkpoint(checkpoint, {supernet_, step_, data_.images()}, config_);
  records_.truncate(state_.alphas_size);
}

double SearchRun::learning_rate() const {
  return cosine_learning_rate(config_.w, state_.epoch, epochs());
}

SearchPosition SearchRun::position(std::int64_t step) const {
  return {state_.epoch, epochs(), step};
}

void SearchRun::start_epoch() {
  supernet_->train();
  data_.start_epoch(state_.epoch, state_.step);
  skipped_before_ = state_.skipped;
}

std::optional<ReadyStep> SearchRun::next_step() {
  std::optional<SearchBatches> batches = data_.next();
  state_.skipped = skipped_before_ + data_.skipped();
  if (!batches) {
    return std::nullopt;
  }
  const std::int64_t images = batches->train.images.size(0);
  return ReadyStep{[this, batches = *std::move(batches)](std::int64_t step) {
                     return step_.launch(batches.train, batches.valid, learning_rate(),
                                         position(step));
                   },
                   data_.next_step(), images};
}

EpochSummary SearchRun::summarize() const {
  const Theta theta = supernet_->theta();
  EpochSummary s{epoch_figures(state_, learning_rate())};
  s.entropy_normal = mean_entropy(theta, CellType::normal);
  s.entropy_reduce = mean_entropy(theta, CellType::reduction);
  s.most_entropy = undecided_entropy(space_);
  s.valid_trained_on = !find_order(config_.search.order).bilevel;
  s.skipped = state_.skipped;
  s.genotype = method_->derive(theta, space_);
  s.genotype.name = config_.name;
  return s;
}

bool SearchRun::validate(EpochSummary& summary) {
  const c10::NoGradGuard no_grad;
  const bool bilevel = find_order(config_.search.order).bilevel;
  auto progress = hooks().progress(bilevel ? "validation" : "test on images trained on",
                                   data_.validation_batches());
  supernet_->eval();
  data_.start_validation();
  restart_noise(*supernet_, {config_.seed, RandomPurpose::noise, RandomStream::max(),
                             static_cast<std::uint64_t>(state_.epoch)});
  at::Tensor loss = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device()));
  at::Tensor correct = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device()));
  std::int64_t done = 0;
  std::int64_t seen = 0;
  const Mixings mixings = method_->mix_all(supernet_->theta(), position(state_.step), Moves::w);
  while (const auto batch = data_.next_validation()) {
    const at::Tensor logits = supernet_->forward(batch->images, mixings).to(at::kDouble);
    const std::int64_t images = batch->images.size(0);
    loss += at::cross_entropy_loss(logits, batch->labels) * static_cast<double>(images);
    correct += logits.argmax(1).eq(batch->labels).sum();
    seen += images;
    if (progress) {
      progress->update(++done);
    }
    if (hooks().stop_requested()) {
      return false;
    }
  }
  if (seen == 0) {
    throw Error("none of the held-out images can be read");
  }
  const auto images = static_cast<double>(seen);
  summary.valid_skipped = data_.validation_skipped();
  summary.valid_loss = loss.item<double>() / images;
  summary.valid_accuracy = static_cast<double>(correct.item<std::int64_t>()) / images;
  if (!std::isfinite(summary.valid_loss)) {
    throw NonFiniteError("validation loss " + format_fixed(summary.valid_loss, 3));
  }
  return true;
}

EpochEnd SearchRun::finish_epoch() {
  EpochSummary summary = summarize();
  if (!validate(summary)) {
    return EpochEnd::stopped;
  }
  log().info(describe(summary, epochs()));
  log().info("  " + to_notation(summary.genotype));
  metrics().append(to_json(summary));
  records_.add_alphas(summary.epoch, supernet_->alphas());
  records_.write_genotype(summary);

  const bool best = summary.valid_accuracy > state_.best_accuracy;
  SearchState next;
  next.epoch = summary.epoch;
  next.best_accuracy = best ? summary.valid_accuracy : state_.best_accuracy;
  next.best_epoch = best ? summary.epoch : state_.best_epoch;
  state_ = next;
  return best ? EpochEnd::finished_best : EpochEnd::finished;
}

void SearchRun::report(RunOutcome outcome) {
  if (outcome == RunOutcome::finished) {
    log().info("genotype: " + directory().genotype().string());
    const bool bilevel = find_order(config_.search.order).bilevel;
    log().info((bilevel ? "best validation accuracy " : "best accuracy on images trained on ") +
               format_fixed(100.0 * state_.best_accuracy, 2) + " % in epoch " +
               std::to_string(state_.best_epoch));
  }
}

}  // namespace darts
