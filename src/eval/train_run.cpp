#include <darts/core/absolute_path.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/device.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/module_state.hpp>
#include <darts/core/text.hpp>
#include <darts/data/class_names.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/eval/train_run.hpp>
#include <darts/ops/count.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/ops/noise.hpp>
#include <darts/run/load_config.hpp>
#include <darts/run/run_checkpoint.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace darts {
namespace {

EvaluationNetwork clone_of(const EvaluationNetwork& network) {
  EvaluationNetwork copy(std::dynamic_pointer_cast<EvaluationNetworkImpl>(network->clone()));
  copy->eval();
  return copy;
}

RunHooks also_stopping(RunHooks hooks, std::function<bool()> when) {
  hooks.should_stop = [asked = std::move(hooks.should_stop), when = std::move(when)] {
    return (asked && asked()) || when();
  };
  return hooks;
}

}  // namespace

TrainConfig step_config(TrainConfig config, const c10::Device& device) {
  config.runtime.cuda_graph = config.runtime.cuda_graph && device.is_cuda();
  return config;
}

EvaluationNetwork make_network(const TrainConfig& config, const NetworkDescription& description,
                               const TrainData& data, const c10::Device& device) {
  check_memory(memory_need(config, description.options, data), device);
  return doing("make the network (" + describe_sizes(config) + ")", [&] {
    EvaluationNetwork network(description.options);
    initialize_weights(*network, config.seed, config.w.init);
    network->to(device);
    if (device.is_cuda() && config.runtime.channels_last) {
      use_channels_last(*network);
    }
    return network;
  });
}

void start_from(const Checkpoint& checkpoint, EvaluationNetwork& network,
                const NetworkDescription& description, const Log& log) {
  const auto stayed = initialize_from(network, description.class_names, checkpoint);
  if (stayed.empty()) {
    return;
  }
  const auto theirs = network_description_of(checkpoint).class_names;
  const bool other_classes = theirs != description.class_names;
  log.info("drawn anew, since " + checkpoint.file.string() + " does not have it" +
           (other_classes ? " or is of other classes (" + first_few(theirs) + "; here " +
                                first_few(description.class_names) + ")"
                          : "") +
           ": " + join(stayed));
}

std::unique_ptr<TrainRun> TrainRun::start(const TrainConfig& config, const Genotype& genotype,
                                          RunHooks hooks, const std::filesystem::path& init_from) {
  TrainConfig placed = config;
  placed.data = with_absolute_paths(config.data);
  placed.run.root = absolute_path(config.run.root);
  placed.run.directory = absolute_path(config.run.directory);
  return start_run<TrainRun>(config.name, config.run, std::move(hooks), init_from, placed,
                             genotype);
}

std::unique_ptr<TrainRun> TrainRun::resume(const std::filesystem::path& directory, RunHooks hooks) {
  check_program(directory, "darts_train");
  RunDirectory opened = RunDirectory::open(directory);
  const auto config = load_config<TrainConfig>(opened.config());
  const Genotype genotype = load_genotype(opened.path().string());
  return resume(std::move(opened), config, genotype, std::move(hooks));
}

std::unique_ptr<TrainRun> TrainRun::resume(RunDirectory directory, const TrainConfig& config,
                                           const Genotype& genotype, RunHooks hooks) {
  auto run = std::make_unique<TrainRun>(config, genotype, std::move(directory), std::move(hooks));
  run->go_on();
  return run;
}

TrainRun::TrainRun(TrainConfig config, const Genotype& genotype, RunDirectory directory,
                   RunHooks hooks)
    : LongRun({"training", "darts_train"}, config.runtime, config.run, std::move(directory),
              also_stopping(std::move(hooks), [this] { return out_of_time(); })),
      config_(std::move(config)),
      data_(config_, device(), log(), this->hooks().ranks),
      description_(describe_network(config_, genotype, data_)),
      network_(make_network(config_, description_, data_, device())),
      step_(doing("prepare the steps of the training (" + describe_sizes(config_) + ")", [this] {
        return TrainStep(network_, step_config(config_, device()), this->hooks().ranks);
      })) {
  if (ranks().is_first()) {
    for (const std::string& line : idle_settings(config_, this->device())) {
      log().warn(line);
    }
  }
  if (config_.runtime.cuda_graph && this->device().is_cuda() && has_noise(*network_)) {
    log().warn(
        "runtime.cuda_graph: noise is drawn anew in every pass, so that this run goes without");
  }
  start_average();
}

bool TrainRun::out_of_time() const {
  const std::chrono::duration<double, std::ratio<3600>> hours = Clock::now() - start_;
  return config_.train.max_hours > 0.0 && hours.count() > config_.train.max_hours;
}

void TrainRun::start_average() {
  if (config_.train.average > 0.0) {
    average_ = doing("copy the network for its average (" + describe_sizes(config_) + ")",
                     [this] { return clone_of(network_); });
    averaging_.emplace(*average_, *network_);
  }
}

void TrainRun::initialize_from(const Checkpoint& checkpoint) {
  start_from(checkpoint, network_, description_, log());
  start_average();
}

bool TrainRun::depends_on_threads() {
  return network_->options().execution != Execution::fused || !network_->has_kernels();
}

void TrainRun::write_recipe() const {
  directory().write(directory().genotype(), format_json(to_json(description_.options.genotype)));
  directory().write(directory().config(), to_yaml(config_));
}

Checkpoint TrainRun::checkpoint() {
  return make_checkpoint(parts(), state_, config_, description_);
}

void TrainRun::restore(const Checkpoint& checkpoint) {
  state_ = restore_checkpoint(checkpoint, parts(), config_, description_);
}

std::string TrainRun::sizes() const {
  const std::int64_t parts = config_.train.parts;
  return std::to_string(config_.train.batch_size) + " images of " + data_.image_size() +
         (parts > 1 ? " in " + std::to_string(parts) + " parts" : "") + "; " +
         describe_sizes(config_);
}

TrainPosition TrainRun::position(std::int64_t step) const {
  return {state_.epoch, step, learning_rate(config_.w.learning_rate, state_.epoch, epochs()),
          drop_path_probability(config_, state_.epoch)};
}

void TrainRun::start_epoch() {
  network_->train();
  data_.start_epoch(state_.epoch, state_.step);
  skipped_before_ = state_.skipped;
}

std::optional<ReadyStep> TrainRun::next_step() {
  std::optional<Batch> batch = data_.next();
  state_.skipped = skipped_before_ + data_.skipped();
  if (!batch) {
    return std::nullopt;
  }
  ReadyStep ready{.next = data_.next_step(), .images = batch->all()};
  if (ready.images > 1) {  // batch norm cannot train on one image
    ready.launch = [this, batch = *std::move(batch)](std::int64_t step) {
      return launch(batch, step);
    };
  }
  return ready;
}

PendingStep TrainRun::launch(const Batch& batch, std::int64_t step) {
  PendingStep pending = step_.launch(batch, position(step));
  if (averaging_) {
    averaging_->update(config_.train.average, state_.averaged++);
  }
  return pending;
}

bool TrainRun::test(TrainEpochSummary& summary) {
  TestOptions options;
  options.device = device();
  options.precision = config_.runtime.precision;
  options.show_progress = hooks().show_progress;
  options.should_stop = [this] { return stop_requested(); };
  options.shared = step_.shared().batch();
  const auto outcome = test_network(average_ ? average_ : network_, data_.test_loader(), options);
  if (outcome && outcome->scores.non_finite() > 0) {
    throw NonFiniteError("test loss " + format_fixed(outcome->scores.loss(), 3));
  }
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
  next.epoch = summary.epoch;
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

EpochEnd TrainRun::finish_epoch() {
  const TrainPosition at = position(state_.step);
  TrainEpochSummary summary{epoch_figures(state_, at.learning_rate)};
  summary.drop_path = at.drop_path;
  summary.tested_on = tested_on();
  summary.skipped = state_.skipped;
  if (!test(summary)) {
    return EpochEnd::stopped;
  }
  log().info(describe(summary, epochs()));
  metrics().append(to_json(summary));
  state_ = after(summary);
  return state_.best_epoch == summary.epoch ? EpochEnd::finished_best : EpochEnd::finished;
}

Fingerprint TrainRun::fingerprint() const {
  return fingerprint_of(identity_of(config_), to_json(data_.images()), count_parameters(*network_));
}

void TrainRun::report(RunOutcome outcome) {
  if (state_.epoch > 0) {
    const TrainResult all = result();
    directory().write(directory().path() / "result.json", to_json(all).dump(2) + "\n");
    log().info("\n" + describe(all));
  }
  if (outcome == RunOutcome::stopped && out_of_time()) {
    log().info("the time given by train.max_hours is over");
  }
}

TrainResult TrainRun::result() const {
  const NetworkCount size = count_network(description_.options, data_.height(), data_.width());
  TrainResult r;
  r.epochs = state_.epoch;
  r.epochs_planned = config_.train.epochs;
  r.tested_on = tested_on();
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
