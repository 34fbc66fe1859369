#include <darts/core/atomic_file.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/text.hpp>
#include <darts/run/long_run.hpp>

#include <ATen/Parallel.h>

#include <nlohmann/json.hpp>

#include <fstream>

namespace darts {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string progress_text(const RunState& s) {
  const auto images = static_cast<double>(s.images);
  return "loss " + format_fixed(s.loss_sum / images, 3) + "  acc " +
         format_fixed(100.0 * static_cast<double>(s.correct) / images, 1) + " %  " +
         format_fixed(images / s.seconds, 0) + " images/s";
}

std::string place_of(const RunState& s) {
  return "in epoch " + std::to_string(s.epoch + 1) + " after step " + std::to_string(s.step);
}

/// work(), which a run in that directory is at `where`; a NonFiniteError becomes the error that
/// ends the run.
template <class Work>
auto guarded(const std::string& what, const std::string& where, const RunDirectory& directory,
             const Work& work) {
  try {
    return work();
  } catch (const NonFiniteError& cause) {
    const auto good = last_good_checkpoint(directory.path());
    throw Error("the " + what + " diverged " + where + ": " + cause.what() +
                "; last good checkpoint: " + (good ? good->string() : "none") +
                "; a lower learning rate or w.clip_norm may help");
  }
}

/// Step `step`, counted from 0 as `epoch` is.
std::string in_step(std::int64_t epoch, std::int64_t step) {
  return "in epoch " + std::to_string(epoch + 1) + ", step " + std::to_string(step + 1);
}

/// A run that goes on from numbers that are not finite would only say that it has diverged.
void check_finite(const Checkpoint& checkpoint, const std::string& what,
                  const RunDirectory& directory) {
  const std::string names = non_finite(checkpoint.tensors);
  if (names.empty()) {
    return;
  }
  const auto good = last_good_checkpoint(directory.path());
  throw Error(checkpoint.file.string() + " holds numbers that are not finite (" + names +
              "): the " + what + " had diverged before it was saved; " +
              (good ? "remove the checkpoints after " + good->string() +
                          " and resume, or start a new run with a lower learning rate"
                    : "no other checkpoint is good: start a new run with a lower learning rate"));
}

/// Of an environment.json; 0: not known.
std::int64_t recorded_threads(const std::filesystem::path& environment) {
  std::ifstream in(environment);
  const auto json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("threads") && json["threads"].is_number_integer()
             ? json["threads"].get<std::int64_t>()
             : 0;
}

RunHooks with_log_file(RunHooks hooks, const RunDirectory& directory) {
  if (directory.writes()) {
    hooks.log.add_file(directory.log());
  }
  return hooks;
}

}  // namespace

LongRun::LongRun(Words words, const RuntimeOptions& runtime, RunOptions options,
                 RunDirectory directory, RunHooks hooks)
    : words_(std::move(words)),
      options_(std::move(options)),
      directory_(std::move(directory)),
      hooks_(with_log_file(std::move(hooks), directory_)),
      device_(prepare_runtime(runtime, *hooks_.ranks)),
      metrics_(directory_.lines(directory_.metrics())),
      wants_graphs_(runtime.cuda_graph) {}

void LongRun::begin(bool initialized) {
  meet_ranks();
  log().info("run directory: " + directory_.path().string());
  write_environment();
  if (!initialized) {
    write_recipe();
  }
  save_start();
  if (initialized) {
    write_recipe();
  }
  compare_ranks("at the start");
}

void LongRun::save_start() {
  metrics_.truncate(0);  // records of a run that was killed before its first checkpoint
  start_records();
  save_latest();
}

void LongRun::go_on() {
  meet_ranks();
  const auto latest = directory_.writes() ? directory_.latest_checkpoint() : std::nullopt;
  if (const std::string file = hooks_.ranks->of_first(latest ? latest->string() : "");
      !file.empty()) {
    doing(task("go on from " + file), [&] {
      restore(broadcast_checkpoint(*hooks_.ranks, [&] {
        Checkpoint checkpoint = load_checkpoint(file);
        check_finite(checkpoint, words_.what, directory_);
        return checkpoint;
      }));
    });
    check_position(file);
    metrics_.truncate(state().metrics_size);
  }
  if (directory_.writes()) {
    compare_threads();
  }
  write_environment();
  compare_ranks("on going on");
  log().info("run directory: " + directory_.path().string());
  log().info("resuming " + place_of(state()));
}

/// Throws Error where the checkpoint `file` stands beyond the end.
void LongRun::check_position(const std::filesystem::path& file) const {
  const auto [epoch, step] = std::pair(state().epoch, state().step);
  if (epoch > epochs() || (epoch < epochs() && step > steps_per_epoch())) {
    throw Error(file.string() + " stands after epoch " + std::to_string(epoch) + " and step " +
                std::to_string(step) + ", where the run does not come (" +
                std::to_string(epochs()) + " epochs); take an older checkpoint of it");
  }
}

/// With the start before.
void LongRun::compare_threads() {
  const std::int64_t before = recorded_threads(directory_.environment());
  const int now = at::get_num_threads();
  if (device_.is_cpu() && before > 0 && before != now && depends_on_threads()) {
    log().warn("this run had " + std::to_string(before) + " threads before and has " +
               std::to_string(now) +
               " now, on which its results depend in their last digits: it does not become what it "
               "would have been, byte for byte (runtime.threads)");
  }
}

void LongRun::write_environment() const {
  directory_.write(directory_.environment(), describe_environment(device_).dump(2) + "\n");
}

RunOutcome LongRun::run() {
  if (wants_graphs_ && !device_.is_cuda()) {
    log().warn("runtime.cuda_graph is for GPUs: this run, on the CPU, goes without");
  }
  if (directory_.writes() && !directory_.latest_checkpoint()) {
    write_recipe();  // a run that was killed before it had learned anything begins as it is now
    save_start();
  }
  const RunOutcome outcome = run_epochs();
  report(outcome);
  if (outcome == RunOutcome::stopped) {
    log().info("stopped " + place_of(state()) + ", saved; go on with: " + words_.program +
               " --resume " + shell_quoted(directory_.path().string()));
  }
  log().info("run directory: " + directory_.path().string());
  return outcome;
}

RunOutcome LongRun::run_epochs() {
  while (!is_over()) {
    if (!run_epoch()) {
      return RunOutcome::stopped;
    }
    const EpochEnd end = doing(task("measure what the " + words_.what + " has learned"), [&] {
      return guarded(words_.what, "at the end of epoch " + std::to_string(state().epoch + 1),
                     directory_, [&] { return finish_epoch(); });
    });
    if (end == EpochEnd::finished_best) {
      // Before the latest, which so never claims a best checkpoint that is not there.
      save(directory_.best_checkpoint());
    }
    save_latest();
    compare_ranks("after epoch " + std::to_string(state().epoch));
    if (end == EpochEnd::stopped) {
      return RunOutcome::stopped;
    }
  }
  return RunOutcome::finished;
}

bool LongRun::run_epoch() {
  RunState& state = mutable_state();
  auto progress =
      hooks_.progress("epoch " + std::to_string(state.epoch + 1) + "/" + std::to_string(epochs()),
                      steps_per_epoch(), state.step);
  start_epoch();
  for (;;) {
    const auto start = Clock::now();
    const std::optional<ReadyStep> ready =
        doing(task("prepare the images of a step"), [this] { return next_step(); });
    if (!ready) {
      break;
    }
    if (!ready->launch) {
      settle();
      state.step = ready->next;
      continue;
    }
    const bool goes_on = run_step(*ready, start);
    if (progress && state.images > 0) {
      progress->update(state.step, progress_text(state));
    }
    if (!goes_on) {
      return false;
    }
  }
  settle();
  if (state.images == 0) {
    throw no_usable_images(state.skipped);
  }
  return true;
}

/// A step whose batch was waited for since `start`. Whether the run is to go on.
bool LongRun::run_step(const ReadyStep& ready, Clock::time_point start) {
  RunState& state = mutable_state();
  const double waited = seconds_since(start);
  launch(ready);
  state.loader_seconds += waited;
  const auto [stop, save] = agree(checkpoint_due(ready.next));
  if (save || ready.next == steps_per_epoch()) {
    settle();
  }
  state.seconds += seconds_since(start);
  if (save) {
    save_latest();
  }
  return !stop;
}

/// Launches a step, and takes the one before into the state: its figures are there by now, while on
/// a GPU this one's are still being computed.
void LongRun::launch(const ReadyStep& ready) {
  const std::int64_t number = in_flight_ ? in_flight_->next : state().step;
  PendingStep step = doing(task("take a step of the " + words_.what), [&] {
    return guarded(words_.what, in_step(state().epoch, number), directory_,
                   [&] { return ready.launch(number); });
  });
  settle();
  in_flight_.emplace(StepInFlight{std::move(step), ready.next, ready.images});
}

void LongRun::settle() {
  if (!in_flight_) {
    return;
  }
  RunState& state = mutable_state();
  const StepInFlight done = *std::exchange(in_flight_, std::nullopt);
  const StepResult result = doing(task("take a step of the " + words_.what), [&] {
    return guarded(words_.what, in_step(state.epoch, state.step), directory_,
                   [&] { return done.step.get(); });
  });
  state.step = done.next;
  state.loss_sum += result.loss * static_cast<double>(done.images);
  state.correct += result.correct;
  state.images += done.images;
  if (state.step % options_.log_every_steps == 0) {
    metrics_.append(step_record(state, result, done.images));
  }
}

Task LongRun::task(const std::string& does) const { return does + " (" + sizes() + ")"; }

bool LongRun::checkpoint_due(std::int64_t step) const {
  const auto every = options_.checkpoint_every_steps;
  const double minutes = options_.checkpoint_every_minutes;
  return (every > 0 && step % every == 0) ||
         (minutes > 0.0 && seconds_since(last_saved_) > 60.0 * minutes);
}

void LongRun::save(const std::filesystem::path& file) {
  if (!directory_.writes()) {
    return;
  }
  metrics_.sync();
  mutable_state().metrics_size = metrics_.size();
  doing(task("save " + file.string()), [&] { save_checkpoint(file, checkpoint()); });
}

void LongRun::save_latest() {
  save(directory_.checkpoint(state().epoch, state().step));
  directory_.prune_checkpoints(options_.keep_checkpoints);
  last_saved_ = Clock::now();
}

}  // namespace darts
