#pragma once

#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/field_table.hpp>
#include <darts/core/log.hpp>
#include <darts/core/pending_step.hpp>
#include <darts/core/progress.hpp>
#include <darts/core/run_directory.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace darts {

// What every long run, search or training, shares: settings of the machine and of the run
// directory, what it tells its surroundings, and when it saves.

/// The machine that a run uses: the section `runtime` of its config.
struct RuntimeOptions {
  std::string device = "auto";
  Precision precision = Precision::fp32;
  bool channels_last = true;
  std::int64_t threads = 0;
  bool deterministic = true;
  bool tf32 = false;
  bool huge_pages = true;
  bool recompute = false;  ///< of searches alone
  bool cuda_graph = false;
};

/// The run directory and its checkpoints: the section `run` of a config.
struct RunOptions {
  std::filesystem::path root = "runs";
  std::int64_t checkpoint_every_steps = 0;
  double checkpoint_every_minutes = 10.0;
  std::int64_t keep_checkpoints = 3;
  std::int64_t log_every_steps = 50;
};

/// Adds the keys `runtime.…` and `run.…` with ranges and help.
void add_runtime_fields(FieldTable& table, RuntimeOptions& options);
void add_run_fields(FieldTable& table, RunOptions& options);

/// Applies the options to the process (threads, memory, deterministic algorithms) and returns the
/// device. Throws Error if it is not there.
c10::Device prepare_runtime(const RuntimeOptions& options);

/// What a run tells and asks its surroundings.
struct RunHooks {
  Log log = Log::silent();
  bool show_progress = false;         ///< a progress bar, or lines where there is no terminal
  std::function<bool()> should_stop;  ///< asked after every step; may be empty

  bool stop_requested() const { return should_stop && should_stop(); }

  /// A progress display of `total` steps, if they are to be shown.
  std::optional<Progress> progress(std::string label, std::int64_t total,
                                   std::int64_t first_step = 0) const;
};

enum class RunOutcome {
  finished,
  stopped,  ///< should_stop said so; the state is saved
};

/// Tells when the next checkpoint within an epoch is due.
class CheckpointSchedule {
 public:
  explicit CheckpointSchedule(const RunOptions& options) : options_(options) {}

  /// After `step` steps of the epoch.
  bool due(std::int64_t step) const;
  void saved() { last_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;

  RunOptions options_;
  Clock::time_point last_ = Clock::now();
};

/// A loss or gradient was NaN or infinite; nothing was moved by it. The message names the loss and
/// the norms.
class NonFiniteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The error that ends a run (`what`: "search") when step `step` of epoch `epoch`, both counted
/// from 0, was not finite. `latest`: its last checkpoint.
Error diverged(const std::string& what, std::int64_t epoch, std::int64_t step,
               const NonFiniteError& cause, const std::optional<std::filesystem::path>& latest);

/// A step of an epoch that has been launched, and may still run.
struct StepInFlight {
  PendingStep step;
  std::int64_t next = 0;    ///< number in the epoch of the step after it, counted from 0
  std::int64_t images = 0;  ///< of its batch
};

/// work(), a part of step `step` of epoch `epoch` (both counted from 0) of a run (`what`: "search")
/// in that run directory; a NonFiniteError becomes the error that ends the run.
template <class Work>
auto guarded(const std::string& what, std::int64_t epoch, std::int64_t step,
             const RunDirectory& directory, const Work& work) {
  try {
    return work();
  } catch (const NonFiniteError& e) {
    throw diverged(what, epoch, step, e, directory.latest_checkpoint());
  }
}

/// Throws Error that names the first difference unless two dumped configs agree key by key: `now`,
/// of a run that is to go on, and `then`, which its checkpoint `file` was written with. A key that
/// only one of them has, since it came or went with a version of this program, had its value of
/// `defaults`, the dump of a config that says nothing.
void check_same_config(const std::string& now, const std::string& then, const std::string& defaults,
                       const std::string& file);

}  // namespace darts
