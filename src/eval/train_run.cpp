#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/train_run.hpp>
#include <darts/ops/initialize.hpp>

#include <utility>

namespace darts {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

EvaluationNetwork clone_of(const EvaluationNetwork& network) {
  EvaluationNetwork copy(std::dynamic_pointer_cast<EvaluationNetworkImpl>(network->clone()));
  copy->eval();
  return copy;
}

std::string progress_text(const TrainState& s) {
  const auto images = static_cast<double>(s.images);
  return "loss " + format_fixed(s.loss_sum / images, 3) + "  acc " +
         format_fixed(100.0 * static_cast<double>(s.correct) / images, 1) + " %  " +
         format_fixed(images / s.seconds, 0) + " images/s";
}

}  // namespace

TrainConfig step_config(TrainConfig config, const c10::Device& device) {
  config.runtime.cuda_graph = config.runtime.cuda_graph && device.is_cuda();
  return config;
}

EvaluationNetwork make_network(const TrainConfig& config, const NetworkDescription& description,
                               const c10::Device& device) {
  EvaluationNetwork network(description.options);
  initialize_weights(*network, config.seed);
  network->to(device);
  if (device.is_cuda() && config.runtime.channels_last) {
    use_channels_last(*network);
  }
  return network;
}

TrainRun::TrainRun(TrainConfig config, const Genotype& genotype, const RunDirectory& directory,
                   RunHooks hooks)
    : config_(std::move(config)),
      directory_(directory),
      hooks_(std::move(hooks)),
      device_(prepare_runtime(config_.runtime)),
      data_(config_, device_, hooks_.log),
      description_(describe_network(config_, genotype, data_)),
      network_(make_network(config_, description_, device_)),
      step_(network_, step_config(config_, device_)),
      records_(directory_),
      schedule_(config_.run) {
  start_average();
}

void TrainRun::start_average() {
  if (config_.train.average > 0.0) {
    average_ = clone_of(network_);
    averaging_.emplace(*average_, *network_);
  }
}

void TrainRun::initialize_from(const Checkpoint& checkpoint) {
  const auto stayed = darts::initialize_from(network_, checkpoint);
  if (!stayed.empty()) {
    hooks_.log.info("not in " + checkpoint.file.string() +
                    ", or of another number of classes, so drawn anew: " + join(stayed));
  }
  start_average();
}

void TrainRun::resume() {
  const auto latest = directory_.latest_checkpoint();
  if (!latest) {
    return;
  }
  state_ = restore_checkpoint(load_checkpoint(*latest), parts(), config_, description_);
  records_.truncate(state_.metrics_size);
}

void TrainRun::begin() {
  records_.truncate(0);  // those of a run that was killed before its first checkpoint
  save_latest();
}

RunOutcome TrainRun::run() {
  if (config_.runtime.cuda_graph && !device_.is_cuda()) {
    hooks_.log.warn("runtime.cuda_graph is for GPUs: this run, on the CPU, goes without");
  }
  if (!directory_.latest_checkpoint()) {
    begin();
  }
  while (state_.epoch < config_.train.epochs) {
    if (!run_epoch() || !finish_epoch()) {
      return RunOutcome::stopped;
    }
  }
  return RunOutcome::finished;
}

bool TrainRun::out_of_time() const {
  return config_.train.max_hours > 0.0 && seconds_since(start_) > 3600.0 * config_.train.max_hours;
}

TrainPosition TrainRun::position() const {
  return {state_.epoch, state_.step,
          learning_rate(config_.w.learning_rate, state_.epoch, config_.train.epochs),
          drop_path_probability(config_, state_.epoch)};
}

bool TrainRun::run_epoch() {
  const std::int64_t steps = data_.steps_per_epoch();
  auto progress = hooks_.progress(
      "epoch " + std::to_string(state_.epoch + 1) + "/" + std::to_string(config_.train.epochs),
      steps, state_.step);
  network_->train();
  data_.start_epoch(state_.epoch, state_.step);
  const std::int64_t skipped_before = state_.skipped;
  for (;;) {
    const auto start = Clock::now();
    const std::optional<Batch> batch = data_.next();
    state_.skipped = skipped_before + data_.skipped();
    if (!batch) {
      break;
    }
    if (batch->images.size(0) < 2) {  // batch norm cannot train on one image
      settle();
      state_.step = data_.next_step();
      continue;
    }
    launch(*batch, seconds_since(start));
    const bool stop = should_stop();
    const bool save = stop || schedule_.due(data_.next_step());
    if (save || data_.next_step() == steps) {
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
  settle();
  if (state_.images == 0) {
    throw no_usable_images(state_.skipped);
  }
  return true;
}

/// Launches a step, and takes the one before into the state: its figures are there by now, while on
/// a GPU this one's are still being computed.
void TrainRun::launch(const Batch& batch, double waited) {
  TrainPosition at = position();
  at.step = in_flight_ ? in_flight_->next : state_.step;
  PendingStep step = guarded("training", state_.epoch, at.step, directory_,
                             [&] { return step_.launch(batch, at); });
  if (averaging_) {
    averaging_->update(config_.train.average, state_.averaged++);
  }
  settle();
  in_flight_.emplace(StepInFlight{std::move(step), data_.next_step(), batch.images.size(0)});
  state_.loader_seconds += waited;
}

void TrainRun::settle() {
  if (in_flight_) {
    const StepInFlight done = *std::exchange(in_flight_, std::nullopt);
    const StepResult result =
        guarded("training", state_.epoch, state_.step, directory_, [&] { return done.step.get(); });
    state_.step = done.next;
    count(result, done.images);
  }
}

void TrainRun::count(const StepResult& result, std::int64_t images) {
  state_.loss_sum += result.loss * static_cast<double>(images);
  state_.correct += result.correct;
  state_.images += images;
  if (state_.step % config_.run.log_every_steps == 0) {
    records_.add_step(state_.epoch + 1, state_.step,
                      static_cast<double>(result.correct) / static_cast<double>(images), result);
  }
}

TrainEpochSummary TrainRun::summarize() const {
  const auto images = static_cast<double>(state_.images);
  TrainEpochSummary s;
  s.epoch = state_.epoch + 1;
  s.learning_rate = position().learning_rate;
  s.drop_path = position().drop_path;
  s.train_loss = state_.loss_sum / images;
  s.train_accuracy = static_cast<double>(state_.correct) / images;
  s.seconds = state_.seconds;
  s.images_per_second = images / state_.seconds;
  s.loader_share = state_.loader_seconds / state_.seconds;
  s.skipped = state_.skipped;
  return s;
}

bool TrainRun::test(TrainEpochSummary& summary) {
  TestOptions options;
  options.device = device_;
  options.precision = config_.runtime.precision;
  options.show_progress = hooks_.show_progress;
  options.should_stop = [this] { return should_stop(); };
  const auto outcome = test_network(average_ ? average_ : network_, data_.test_loader(), options);
  if (outcome) {
    summary.test_loss = outcome->scores.loss();
    summary.test_top1 = outcome->scores.top1();
    summary.test_top5 = outcome->scores.top5();
    summary.test_skipped = outcome->skipped;
  }
  return outcome.has_value();
}

TrainState TrainRun::after(const TrainEpochSummary& summary) const {
  TrainState next;
  next.epoch = state_.epoch + 1;
  next.total_seconds = state_.total_seconds + state_.seconds;
  next.total_images = state_.total_images + state_.images;
  next.averaged = state_.averaged;
  next.last_top1 = summary.test_top1;
  next.last_top5 = summary.test_top5;
  next.last_loss = summary.test_loss;
  next.last_skipped = summary.test_skipped;
  const bool best = summary.test_top1 > state_.best_top1;
  next.best_top1 = best ? summary.test_top1 : state_.best_top1;
  next.best_epoch = best ? summary.epoch : state_.best_epoch;
  return next;
}

bool TrainRun::finish_epoch() {
  TrainEpochSummary summary = summarize();
  if (!test(summary)) {
    save_latest();
    return false;
  }
  hooks_.log.info(describe(summary, config_.train.epochs));
  records_.add_epoch(summary);
  state_ = after(summary);
  if (state_.best_epoch == summary.epoch) {
    // Before the latest, which so never claims a best checkpoint that is not there.
    save(directory_.best_checkpoint());
  }
  save_latest();
  return true;
}

void TrainRun::save(const std::filesystem::path& file) {
  records_.sync();
  state_.metrics_size = records_.size();
  save_checkpoint(file, make_checkpoint(parts(), state_, config_, description_));
}

void TrainRun::save_latest() {
  save(directory_.checkpoint(state_.epoch, state_.step));
  directory_.prune_checkpoints(config_.run.keep_checkpoints);
  schedule_.saved();
}

TrainResult TrainRun::result() const {
  const NetworkCount size = count_network(description_.options, data_.height(), data_.width());
  TrainResult r;
  r.epochs = state_.epoch;
  r.epochs_planned = config_.train.epochs;
  r.test_loss = state_.last_loss;
  r.top1 = state_.last_top1;
  r.top5 = state_.last_top5;
  r.test_skipped = state_.last_skipped;
  r.best_top1 = state_.best_top1;
  r.best_epoch = state_.best_epoch;
  r.seconds = state_.total_seconds;
  r.images_per_second =
      r.seconds > 0.0 ? static_cast<double>(state_.total_images) / r.seconds : 0.0;
  r.parameters = size.parameters;
  r.multiply_adds = size.multiply_adds;
  return r;
}

}  // namespace darts
