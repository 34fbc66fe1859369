#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/progress.hpp>
#include <darts/core/text.hpp>
#include <darts/ops/noise.hpp>
#include <darts/search/search_run.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <optional>
#include <utility>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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

std::string progress_text(const SearchState& s) {
  const auto images = static_cast<double>(s.images);
  return "loss " + format_fixed(s.loss_sum / images, 3) + "  acc " +
         format_fixed(100.0 * static_cast<double>(s.correct) / images, 1) + " %  " +
         format_fixed(images / s.seconds, 0) + " images/s";
}

}  // namespace

SearchRun::SearchRun(SearchConfig config, const RunDirectory& directory, RunHooks hooks)
    : config_(std::move(config)),
      directory_(directory),
      hooks_(std::move(hooks)),
      device_(prepare_runtime(config_.runtime)),
      data_(config_, device_),
      method_(make_method(config_.search.method)),
      space_(search_space(config_)),
      supernet_(make_supernet(config_, data_, device_, *method_)),
      step_(supernet_, step_options(config_, device_)),
      records_(directory_, config_),
      schedule_(config_.run) {}

void SearchRun::initialize_from(const Checkpoint& checkpoint) {
  restore_supernet(checkpoint, supernet_);
}

void SearchRun::resume() {
  const auto latest = directory_.latest_checkpoint();
  if (!latest) {
    return;
  }
  state_ = restore_checkpoint(load_checkpoint(*latest), supernet_, step_, config_);
  records_.truncate(state_.metrics_size, state_.alphas_size);
}

void SearchRun::begin() {
  records_.truncate(0, 0);  // those of a run that was killed before its first checkpoint
  records_.add_alphas(0, supernet_->alphas());
  save_latest();
}

RunOutcome SearchRun::run() {
  if (config_.runtime.cuda_graph && !device_.is_cuda()) {
    hooks_.log.warn("runtime.cuda_graph is for GPUs: this run, on the CPU, goes without");
  }
  if (!directory_.latest_checkpoint()) {
    begin();
  }
  while (state_.epoch < config_.search.epochs) {
    if (!run_epoch() || !finish_epoch()) {
      return RunOutcome::stopped;
    }
  }
  return RunOutcome::finished;
}

bool SearchRun::run_epoch() {
  const double learning_rate = cosine_learning_rate(config_.w, state_.epoch, config_.search.epochs);
  const std::int64_t steps = data_.steps_per_epoch();
  auto progress = hooks_.progress(
      "epoch " + std::to_string(state_.epoch + 1) + "/" + std::to_string(config_.search.epochs),
      steps, state_.step);
  supernet_->train();
  data_.start_epoch(state_.epoch, state_.step);
  std::int64_t launched = state_.step;
  while (launched < steps) {
    const auto start = Clock::now();
    const SearchBatches batches = data_.next().value();
    launch(batches, learning_rate, seconds_since(start));
    ++launched;
    const bool stop = hooks_.stop_requested();
    const bool save = stop || schedule_.due(launched);
    if (save || launched == steps) {
      settle();
    }
    state_.seconds += seconds_since(start);
    if (progress && state_.images > 0) {
      progress->update(state_.step, progress_text(state_));
    }
    if (save) {
      save_latest();
    }
    if (stop) {
      return false;
    }
  }
  return true;
}

/// Launches a step, and takes the one before into the state: its figures are there by now, while on
/// a GPU this one's are still being computed.
void SearchRun::launch(const SearchBatches& batches, double learning_rate, double waited) {
  const std::int64_t number = state_.step + (in_flight_ ? 1 : 0);
  PendingStep step = guarded("search", state_.epoch, number, directory_, [&] {
    return step_.launch(batches.train, batches.valid, learning_rate, position(number));
  });
  settle();
  in_flight_.emplace(StepInFlight{std::move(step), number + 1, batches.train.images.size(0)});
  state_.loader_seconds += waited;
}

SearchPosition SearchRun::position(std::int64_t step) const {
  return {state_.epoch, config_.search.epochs, step};
}

void SearchRun::settle() {
  if (in_flight_) {
    const StepInFlight done = *std::exchange(in_flight_, std::nullopt);
    count(guarded("search", state_.epoch, state_.step, directory_, [&] { return done.step.get(); }),
          done.images);
  }
}

void SearchRun::count(const StepResult& result, std::int64_t images) {
  ++state_.step;
  state_.loss_sum += result.loss * static_cast<double>(images);
  state_.correct += result.correct;
  state_.images += images;
  if (state_.step % config_.run.log_every_steps == 0) {
    records_.add_step(state_.epoch + 1, state_.step, result.loss,
                      static_cast<double>(result.correct) / static_cast<double>(images),
                      result.gradient_norm);
  }
}

EpochSummary SearchRun::summarize() const {
  const auto images = static_cast<double>(state_.images);
  EpochSummary s;
  s.epoch = state_.epoch + 1;
  s.learning_rate = cosine_learning_rate(config_.w, state_.epoch, config_.search.epochs);
  s.train_loss = state_.loss_sum / images;
  s.train_accuracy = static_cast<double>(state_.correct) / images;
  const Theta theta = supernet_->theta();
  s.entropy_normal = mean_entropy(theta, CellType::normal);
  s.entropy_reduce = mean_entropy(theta, CellType::reduction);
  s.most_entropy = undecided_entropy(space_);
  s.seconds = state_.seconds;
  s.images_per_second = images / state_.seconds;
  s.loader_share = state_.loader_seconds / state_.seconds;
  s.genotype = method_->derive(theta, space_);
  s.genotype.name = config_.name;
  return s;
}

bool SearchRun::validate(EpochSummary& summary) {
  const c10::NoGradGuard no_grad;
  auto progress = hooks_.progress("validation", data_.validation_batches());
  supernet_->eval();
  data_.start_validation();
  restart_noise(*supernet_, {config_.seed, RandomPurpose::noise, RandomStream::max(),
                             static_cast<std::uint64_t>(state_.epoch)});
  at::Tensor loss = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device_));
  at::Tensor correct = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device_));
  std::int64_t done = 0;
  const Mixings mixings = method_->mix_all(supernet_->theta(), position(state_.step), Moves::w);
  while (const auto batch = data_.next_validation()) {
    const at::Tensor logits = supernet_->forward(batch->images, mixings).to(at::kDouble);
    const auto images = static_cast<double>(batch->images.size(0));
    loss += at::cross_entropy_loss(logits, batch->labels) * images;
    correct += logits.argmax(1).eq(batch->labels).sum();
    if (progress) {
      progress->update(++done);
    }
    if (hooks_.stop_requested()) {
      return false;
    }
  }
  const auto images = static_cast<double>(data_.valid_images());
  summary.valid_loss = loss.item<double>() / images;
  summary.valid_accuracy = static_cast<double>(correct.item<std::int64_t>()) / images;
  return true;
}

bool SearchRun::finish_epoch() {
  EpochSummary summary = summarize();
  if (!validate(summary)) {
    save_latest();
    return false;
  }
  hooks_.log.info(describe(summary, config_.search.epochs));
  hooks_.log.info("  " + to_notation(summary.genotype));
  records_.add_epoch(summary);
  records_.add_alphas(summary.epoch, supernet_->alphas());
  records_.write_genotype(summary);

  SearchState next;
  next.epoch = state_.epoch + 1;
  next.best_accuracy = state_.best_accuracy;
  next.best_epoch = state_.best_epoch;
  const bool best = summary.valid_accuracy > state_.best_accuracy;
  if (best) {
    next.best_accuracy = summary.valid_accuracy;
    next.best_epoch = summary.epoch;
  }
  state_ = next;
  if (best) {
    // Before the latest, which so never claims a best checkpoint that is not there.
    save(directory_.best_checkpoint());
  }
  save_latest();
  return true;
}

void SearchRun::save(const std::filesystem::path& file) {
  records_.sync();
  state_.metrics_size = records_.metrics_size();
  state_.alphas_size = records_.alphas_size();
  save_checkpoint(file, make_checkpoint(supernet_, step_, state_, config_));
}

void SearchRun::save_latest() {
  save(directory_.checkpoint(state_.epoch, state_.step));
  directory_.prune_checkpoints(config_.run.keep_checkpoints);
  schedule_.saved();
}

}  // namespace darts
