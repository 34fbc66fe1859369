#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/core/run.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_data.hpp>
#include <darts/search/search_records.hpp>

#include <optional>

namespace darts {

/// A search from its start, or from a checkpoint, to its genotype: the one loop that all methods
/// share (paper, algorithm 1). Everything it learns goes into the run directory as it goes.
class SearchRun {
 public:
  /// Reads the data and builds the supernet. `directory` must outlive this object.
  SearchRun(SearchConfig config, const RunDirectory& directory, RunHooks hooks);

  /// Starts from the supernet of `checkpoint` instead of random weights.
  void initialize_from(const Checkpoint& checkpoint);

  /// Goes on from the run directory's latest checkpoint; from the start if it has none yet.
  void resume();

  /// Saves the state before the first step; run() does it if nothing is saved yet.
  void begin();

  /// Runs what is left. Throws Error when the search diverges, when a file cannot be written, …;
  /// the latest checkpoint then stays as it is.
  RunOutcome run();

  const SearchState& state() const { return state_; }
  const c10::Device& device() const { return device_; }

 private:
  bool run_epoch();
  bool finish_epoch();
  void launch(const SearchBatches& batches, double learning_rate, double waited);
  SearchPosition position(std::int64_t step) const;
  void settle();
  void count(const StepResult& result, std::int64_t images);
  bool validate(EpochSummary& summary);
  EpochSummary summarize() const;
  void save(const std::filesystem::path& file);
  void save_latest();

  SearchConfig config_;
  const RunDirectory& directory_;
  RunHooks hooks_;
  c10::Device device_;
  SearchData data_;
  std::shared_ptr<const SearchMethod> method_;
  SearchSpace space_;
  Supernet supernet_;
  SearchStep step_;
  SearchRecords records_;
  SearchState state_;
  CheckpointSchedule schedule_;
  std::optional<StepInFlight> in_flight_;  ///< launched, not yet part of the state
};

}  // namespace darts
