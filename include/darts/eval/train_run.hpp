#pragma once

#include <darts/core/run.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/eval/train_checkpoint.hpp>
#include <darts/eval/train_data.hpp>
#include <darts/eval/train_records.hpp>
#include <darts/eval/weight_average.hpp>

#include <chrono>
#include <optional>

namespace darts {

/// The training of an evaluation network from its start, or from a checkpoint, to its test figures.
/// Everything it learns goes into the run directory as it goes. A batch with one image alone, which
/// batch norm cannot train on, is passed over (the order of images changes, so each gets its turn).
class TrainRun {
 public:
  /// Reads the data and builds the network. `directory` must outlive this object.
  TrainRun(TrainConfig config, const Genotype& genotype, const RunDirectory& directory,
           RunHooks hooks);

  /// Starts from the weights of `checkpoint` (stored_network.hpp) instead of random ones.
  void initialize_from(const Checkpoint& checkpoint);

  /// Goes on from the run directory's latest checkpoint; from the start if it has none yet.
  void resume();

  /// Saves the state before the first step; run() does it if nothing is saved yet.
  void begin();

  /// Runs what is left, or until `train.max_hours` have passed since this object was made. Throws
  /// Error when the training diverges, when a file cannot be written, …; the latest checkpoint then
  /// stays as it is.
  RunOutcome run();

  /// Whether run() stopped because of `train.max_hours`.
  bool out_of_time() const;

  /// What came out so far.
  TrainResult result() const;
  const TrainState& state() const { return state_; }
  const c10::Device& device() const { return device_; }

 private:
  using Clock = std::chrono::steady_clock;

  bool run_epoch();
  bool finish_epoch();
  bool should_stop() const { return hooks_.stop_requested() || out_of_time(); }
  TrainPosition position() const;
  void launch(const Batch& batch, double waited);
  void settle();
  void count(const StepResult& result, std::int64_t images);
  void start_average();
  bool test(TrainEpochSummary& summary);
  TrainEpochSummary summarize() const;
  TrainState after(const TrainEpochSummary& summary) const;
  TrainParts parts() { return {network_, average_, step_}; }
  void save(const std::filesystem::path& file);
  void save_latest();

  TrainConfig config_;
  const RunDirectory& directory_;
  RunHooks hooks_;
  c10::Device device_;
  TrainData data_;
  NetworkDescription description_;
  EvaluationNetwork network_;
  EvaluationNetwork average_{nullptr};  ///< moving average; null: none
  std::optional<WeightAverage> averaging_;
  TrainStep step_;
  TrainRecords records_;
  TrainState state_;
  CheckpointSchedule schedule_;
  std::optional<StepInFlight> in_flight_;  ///< launched, not yet part of the state
  Clock::time_point start_ = Clock::now();
};

/// The config of a step on `device`: graphs are for GPUs.
TrainConfig step_config(TrainConfig config, const c10::Device& device);

/// An evaluation network with weights drawn from the config's seed, on `device`.
EvaluationNetwork make_network(const TrainConfig& config, const NetworkDescription& description,
                               const c10::Device& device);

}  // namespace darts
