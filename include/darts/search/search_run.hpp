#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/core/log.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_data.hpp>
#include <darts/search/search_records.hpp>

#include <chrono>
#include <functional>

namespace darts {

/// Applies `runtime` to the process (threads, deterministic algorithms) and returns the device.
c10::Device prepare_runtime(const SearchConfig::Runtime& runtime);

/// What a search tells and asks its surroundings.
struct SearchHooks {
  Log log = Log::silent();
  bool show_progress = false;         ///< a progress bar, or lines where there is no terminal
  std::function<bool()> should_stop;  ///< asked after every step; may be empty
};

enum class SearchOutcome {
  finished,
  stopped,  ///< should_stop said so; the state is saved
};

/// A search from its start, or from a checkpoint, to its genotype: the one loop that all methods
/// share (paper, algorithm 1). Everything it learns goes into the run directory as it goes.
class SearchRun {
 public:
  /// Reads the data and builds the supernet. `directory` must outlive this object.
  SearchRun(SearchConfig config, const RunDirectory& directory, SearchHooks hooks);

  /// Starts from the supernet of `checkpoint` instead of random weights.
  void initialize_from(const Checkpoint& checkpoint);

  /// Goes on from the run directory's latest checkpoint; from the start if it has none yet.
  void resume();

  /// Saves the state before the first step; run() does it if nothing is saved yet.
  void begin();

  /// Runs what is left. Throws Error when the search diverges, when a file cannot be written, …;
  /// the latest checkpoint then stays as it is.
  SearchOutcome run();

  const SearchState& state() const { return state_; }
  const c10::Device& device() const { return device_; }

 private:
  bool run_epoch();
  bool finish_epoch();
  bool stop_requested() const;
  SearchStepResult guarded_step(const SearchBatches& batches, double learning_rate);
  void count(const SearchStepResult& result, std::int64_t images, double waited, double seconds);
  bool validate(EpochSummary& summary);
  EpochSummary summarize() const;
  void save(const std::filesystem::path& file);
  void save_latest();
  void save_if_due();

  SearchConfig config_;
  const RunDirectory& directory_;
  SearchHooks hooks_;
  c10::Device device_;
  SearchData data_;
  Supernet supernet_;
  SearchStep step_;
  SearchRecords records_;
  SearchState state_;
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace darts
