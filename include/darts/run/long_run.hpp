#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/finite.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/parallel/broadcast_checkpoint.hpp>
#include <darts/parallel/same_on_all_ranks.hpp>
#include <darts/run/hooks.hpp>
#include <darts/run/options.hpp>
#include <darts/run/pending_step.hpp>
#include <darts/run/run_directory.hpp>
#include <darts/run/run_state.hpp>

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace darts {

enum class RunOutcome {
  finished,
  stopped,  ///< should_stop said so; the state is saved
};

/// A step whose batch is there.
struct ReadyStep {
  /// Launches it as step `step` of the epoch, counted from 0. Empty: nothing can be made of its
  /// batch, which is passed over.
  std::function<PendingStep(std::int64_t step)> launch = {};
  std::int64_t next = 0;    ///< number of the step after it
  std::int64_t images = 0;  ///< of its batch
};

/// How an epoch ended. When stopped, the state is what it was before finish_epoch().
enum class EpochEnd { stopped, finished, finished_best };

/// A run that takes long and lives in a run directory: a search, a training. All kinds share its
/// life and its loop:
///
///     begin(), or go_on() from the latest checkpoint
///     run()   every epoch:  start_epoch()
///                           every step: next_step(), launch it, settle the one before it, a
///                                       checkpoint when one is due or the run is to stop
///                           finish_epoch(), the best and the latest checkpoint
///             report()
///
/// A step's figures are taken in while the next one runs, so that nothing waits for a GPU; what is
/// saved never has a step in flight. Killed at any moment and resumed, a run gives the same bytes
/// as one that was never stopped: records written after the latest checkpoint are cut away.
///
/// A kind of run says what an epoch and a step are, and what else belongs to a checkpoint. Nothing
/// here assumes that two epochs have the same steps or train the same network: the kind is asked
/// anew in every epoch, and what it is at is its state's.
class LongRun {
 public:
  virtual ~LongRun() = default;
  LongRun(const LongRun&) = delete;
  LongRun& operator=(const LongRun&) = delete;

  /// Takes over what `checkpoint` has learned, before begin().
  virtual void initialize_from(const Checkpoint& checkpoint) = 0;

  /// Begins a new run's directory: what it runs on, its recipe, the state before the first step. A
  /// directory that has its recipe can be resumed, so that the recipe of a run that was
  /// `initialized` from a checkpoint comes when that is saved.
  void begin(bool initialized);

  /// Goes on from the run directory's latest checkpoint; from the start if it has none yet.
  void go_on();

  /// Runs what is left, reports in the log, and leaves the result in the run directory. Throws
  /// Error when the run diverges, when a file cannot be written, …; the latest checkpoint then
  /// stays as it is.
  RunOutcome run();

  virtual const RunState& state() const = 0;
  const RunDirectory& directory() const { return directory_; }
  const c10::Device& device() const { return device_; }

 protected:
  /// What the messages of a kind of run say.
  struct Words {
    std::string what;     ///< "search", as in "the search diverged"
    std::string program;  ///< that goes on with it: "darts_search"
  };

  /// Prepares the machine.
  LongRun(Words words, const RuntimeOptions& runtime, RunOptions options, RunDirectory directory,
          RunHooks hooks);

  /// Whether nothing is left to be run; a kind of run may have its result before the last epoch.
  virtual bool is_over() const { return state().epoch >= epochs(); }

  /// Whether the run is to stop, as soon as one of its ranks is: all of them have to ask.
  bool stop_requested() { return agree(false).stop; }

  Ranks& ranks() const { return *hooks_.ranks; }
  const Log& log() const { return hooks_.log; }  ///< the run's, log.txt included
  const RunHooks& hooks() const { return hooks_; }
  JsonLines& metrics() { return metrics_; }

 private:
  // ---- What a kind of run says ----

  virtual RunState& mutable_state() = 0;
  virtual std::int64_t epochs() const = 0;
  /// What a step works on, for errors: "64 images of 3×32×32; 8 cells, 16 channels".
  virtual std::string sizes() const = 0;
  /// Of the epoch at hand.
  virtual std::int64_t steps_per_epoch() const = 0;
  /// Begins the epoch and step of the state, or goes on within it.
  virtual void start_epoch() = 0;
  /// The next step of the epoch; nothing at its end.
  virtual std::optional<ReadyStep> next_step() = 0;
  /// Measures, records and logs the epoch, and moves the state to the next one. May throw
  /// NonFiniteError.
  virtual EpochEnd finish_epoch() = 0;

  /// Drops what an earlier start recorded beside metrics.jsonl, and records what is known before
  /// the first step.
  virtual void start_records() {}
  /// The run as it is; makes its other records durable first. Shares the live tensors' memory.
  virtual Checkpoint checkpoint() = 0;
  /// Puts it back, and drops the other records that are not part of it.
  virtual void restore(const Checkpoint& checkpoint) = 0;
  /// Writes what resuming needs beside a checkpoint; config.yaml comes last.
  virtual void write_recipe() const = 0;
  /// Whether results depend, byte for byte, on how many threads the CPU's operations have.
  virtual bool depends_on_threads() = 0;
  /// What has to be the same on all ranks.
  virtual Fingerprint fingerprint() const { return {}; }
  /// Tells what came out.
  virtual void report(RunOutcome outcome) = 0;

  // ---- What all share ----

  using Clock = std::chrono::steady_clock;

  /// A step that has been launched, and may still run.
  struct StepInFlight {
    PendingStep step;
    std::int64_t next = 0;
    std::int64_t images = 0;
  };

  struct Agreement {
    bool stop = false;
    bool save = false;
  };

  Agreement agree(bool save);
  void meet_ranks();
  void compare_ranks(const std::string& when);
  void save_start();
  void compare_threads();
  RunOutcome run_epochs();
  bool run_epoch();
  bool run_step(const ReadyStep& ready, Clock::time_point start);
  void launch(const ReadyStep& ready);
  void settle();
  Task task(const std::string& does) const;
  void check_position(const std::filesystem::path& file) const;
  bool checkpoint_due(std::int64_t step) const;
  void save(const std::filesystem::path& file);
  void save_latest();
  void write_environment() const;

  Words words_;
  RunOptions options_;
  RunDirectory directory_;
  RunHooks hooks_;
  c10::Device device_;
  JsonLines metrics_;
  bool wants_graphs_;                      ///< that only a GPU has
  std::optional<StepInFlight> in_flight_;  ///< launched, not yet part of the state
  Clock::time_point last_saved_ = Clock::now();
};

/// The directory that the first rank makes, for all ranks.
RunDirectory make_directory(const std::string& name, const RunOptions& options, Ranks& ranks);

/// A new run of kind `Run`, made from `config…`, in a new directory RUN.ROOT/NAME-DATE-TIME or the
/// one that the options give, which is removed again if the run cannot be made. `init_from`: a
/// checkpoint whose weights it starts from; empty: none.
template <class Run, class... Config>
std::unique_ptr<Run> start_run(const std::string& name, const RunOptions& options, RunHooks hooks,
                               const std::filesystem::path& init_from, const Config&... config) {
  const std::shared_ptr<Ranks> ranks = hooks.ranks;
  RunDirectory directory = make_directory(name, options, *ranks);
  const std::filesystem::path folder = directory.writes() ? directory.path() : "";
  std::unique_ptr<Run> run;
  try {
    run = std::make_unique<Run>(config..., std::move(directory), std::move(hooks));
    if (!init_from.empty()) {
      run->initialize_from(
          broadcast_checkpoint(*ranks, [&] { return load_finite_checkpoint(init_from); }));
    }
  } catch (...) {
    run.reset();
    if (!folder.empty()) {
      discard_run(folder);
    }
    throw;
  }
  run->begin(/*initialized=*/!init_from.empty());
  return run;
}

}  // namespace darts
