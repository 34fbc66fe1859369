#pragma once

#include <darts/core/error.hpp>
#include <darts/run/pending_step.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace darts {

/// Where a run stands, beside its tensors: what every run needs to go on as if it had never
/// stopped. Random numbers and the order of images are functions of the seed, the epoch and the
/// step. A kind of run derives its own state, with what else it remembers.
struct RunState {
  std::int64_t epoch = 0;  ///< epochs finished, which is the number of the running one
  std::int64_t step = 0;   ///< steps done in the running epoch

  // Sums over the running epoch's steps.
  double loss_sum = 0.0;  ///< batch loss × images
  std::int64_t correct = 0;
  std::int64_t images = 0;
  double seconds = 0.0;         ///< wall time
  double loader_seconds = 0.0;  ///< of these, waiting for batches
  std::int64_t skipped = 0;     ///< images that could not be read

  /// Length of the run directory's metrics.jsonl, bytes: what comes later is not part of the state.
  std::int64_t metrics_size = 0;
};

/// What the steps of an epoch come to.
struct EpochFigures {
  std::int64_t epoch = 0;  ///< counted from 1
  double learning_rate = 0.0;
  double train_loss = 0.0;
  double train_accuracy = 0.0;     ///< in [0, 1]
  double seconds = 0.0;            ///< wall time of the epoch's steps
  double images_per_second = 0.0;  ///< images of w's batches
  double loader_share = 0.0;       ///< share of the time spent waiting for batches, in [0, 1]
};
EpochFigures epoch_figures(const RunState& state, double learning_rate);

/// The record of a step in metrics.jsonl, taken into the state already; `images`: of its batch.
nlohmann::json step_record(const RunState& state, const StepResult& result, std::int64_t images);

/// The error of a run without a batch that it can use; `skipped`: images that cannot be read.
Error no_usable_images(std::int64_t skipped);

/// The numbers of a state by their names in checkpoints; one list serves saving and restoring.
using StateFields = std::vector<std::pair<const char*, std::variant<std::int64_t*, double*>>>;

/// Those of the running epoch, which come first and are all but the last two above, then `more`.
StateFields state_fields(RunState& state, const StateFields& more);

nlohmann::ordered_json to_json(const StateFields& fields);
/// A field that is not in `json`, since an earlier version did not save it, stays as it is. Throws
/// Error that names a field whose value is none of its kind.
void read_fields(const nlohmann::ordered_json& json, const StateFields& fields);

}  // namespace darts
