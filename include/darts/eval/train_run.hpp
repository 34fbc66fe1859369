#pragma once

#include <darts/eval/train_checkpoint.hpp>
#include <darts/eval/train_data.hpp>
#include <darts/eval/train_records.hpp>
#include <darts/eval/weight_average.hpp>
#include <darts/run/long_run.hpp>

#include <memory>
#include <optional>

namespace darts {

/// The training of an evaluation network from its start, or from a checkpoint, to its test figures.
/// Everything it learns goes into the run directory as it goes. A batch with one image alone, which
/// batch norm cannot train on, is passed over (the order of images changes, so each gets its turn).
///
///     const auto config = load_recipe<TrainConfig>("cifar10");
///     const auto training = TrainRun::start(config, load_genotype("DARTS_V2"));
///     training->run();  // hours; TrainRun::resume(training->directory().path()) goes on later
///     training->result().top1;
class TrainRun : public LongRun {
 public:
  /// A new training in a new run directory, its first checkpoint saved. `init_from`: a checkpoint
  /// (stored_network.hpp) whose weights it starts from.
  static std::unique_ptr<TrainRun> start(const TrainConfig& config, const Genotype& genotype,
                                         RunHooks hooks = {},
                                         const std::filesystem::path& init_from = {});

  /// The training in a run directory, as its latest checkpoint left it.
  static std::unique_ptr<TrainRun> resume(const std::filesystem::path& directory,
                                          RunHooks hooks = {});
  /// The same of one that is open, with its genotype and its config, in which what does not change
  /// results may differ.
  static std::unique_ptr<TrainRun> resume(RunDirectory directory, const TrainConfig& config,
                                          const Genotype& genotype, RunHooks hooks = {});

  /// Reads the data and builds the network; begin() or go_on() comes next.
  TrainRun(TrainConfig config, const Genotype& genotype, RunDirectory directory, RunHooks hooks);

  void initialize_from(const Checkpoint& checkpoint) override;
  const TrainState& state() const override { return state_; }

  /// Whether run() stopped because `train.max_hours` have passed since this object was made.
  bool out_of_time() const;

  /// What came out so far.
  TrainResult result() const;

 private:
  using Clock = std::chrono::steady_clock;

  RunState& mutable_state() override { return state_; }
  std::string sizes() const override;
  std::int64_t epochs() const override { return config_.train.epochs; }
  std::int64_t steps_per_epoch() const override { return data_.steps_per_epoch(); }
  void start_epoch() override;
  std::optional<ReadyStep> next_step() override;
  EpochEnd finish_epoch() override;
  Checkpoint checkpoint() override;
  void restore(const Checkpoint& checkpoint) override;
  void write_recipe() const override;
  bool depends_on_threads() override;
  Fingerprint fingerprint() const override;
  void report(RunOutcome outcome) override;

  void start_average();
  TrainPosition position(std::int64_t step) const;
  PendingStep launch(const Batch& batch, std::int64_t step);
  bool test(TrainEpochSummary& summary);
  TestedOn tested_on() const { return data_.holds_out() ? TestedOn::selection : TestedOn::test; }
  TrainState after(const TrainEpochSummary& summary) const;
  TrainParts parts() { return {network_, average_, step_, data_.images()}; }

  TrainConfig config_;
  TrainData data_;
  NetworkDescription description_;
  EvaluationNetwork network_;
  EvaluationNetwork average_{nullptr};  ///< moving average; null: none
  std::optional<WeightAverage> averaging_;
  TrainStep step_;
  TrainState state_;
  std::int64_t skipped_before_ = 0;  ///< images of the epoch that a run before this one skipped
  Clock::time_point start_ = Clock::now();
};

/// Puts what `checkpoint` has learned into a network that `description` describes, as
/// initialize_from() does, and tells `log` what stayed as it was drawn.
void start_from(const Checkpoint& checkpoint, EvaluationNetwork& network,
                const NetworkDescription& description, const Log& log);

/// The config of a step on `device`: graphs are for GPUs.
TrainConfig step_config(TrainConfig config, const c10::Device& device);

/// An evaluation network with weights drawn from the config's seed, on `device`. Throws MemoryError
/// where training it on this data needs more than there is.
EvaluationNetwork make_network(const TrainConfig& config, const NetworkDescription& description,
                               const TrainData& data, const c10::Device& device);

}  // namespace darts
