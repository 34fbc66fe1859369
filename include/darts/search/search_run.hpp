#pragma once

#include <darts/run/long_run.hpp>
#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_data.hpp>
#include <darts/search/search_records.hpp>

#include <ATen/ops/zeros.h>

#include <memory>

namespace darts {

/// A search from its start, or from a checkpoint, to its genotype: the one loop that all methods
/// share (paper, algorithm 1). Everything it learns goes into the run directory as it goes.
///
///     SearchConfig config = load_recipe<SearchConfig>("cifar10");
///     const auto search = SearchRun::start(config);
///     search->run();                                        // hours
///     load_genotype(search->directory().genotype());
///
///     SearchRun::resume("runs/cifar10-20260304-050607")->run();  // where it was stopped or killed
class SearchRun : public LongRun {
 public:
  /// A new search in a new run directory, its first checkpoint saved. `init_from`: a checkpoint
  /// whose weights and theta it starts from.
  static std::unique_ptr<SearchRun> start(const SearchConfig& config, RunHooks hooks = {},
                                          const std::filesystem::path& init_from = {});

  /// The search in a run directory, as its latest checkpoint left it.
  static std::unique_ptr<SearchRun> resume(const std::filesystem::path& directory,
                                           RunHooks hooks = {});
  /// The same of one that is open, with its config, in which what does not change results may
  /// differ (search_checkpoint.hpp).
  static std::unique_ptr<SearchRun> resume(RunDirectory directory, const SearchConfig& config,
                                           RunHooks hooks = {});

  /// Reads the data and builds the supernet; begin() or go_on() comes next.
  SearchRun(SearchConfig config, RunDirectory directory, RunHooks hooks);

  void initialize_from(const Checkpoint& checkpoint) override;
  const SearchState& state() const override { return state_; }

 protected:
  bool is_over() const override { return LongRun::is_over() || state_.trace.stop.has_value(); }

 private:
  RunState& mutable_state() override { return state_; }
  std::string sizes() const override;
  std::int64_t epochs() const override { return epochs_of(config_); }
  std::int64_t steps_per_epoch() const override { return data_.steps_per_epoch(); }
  void regularize();
  void start_epoch() override;
  std::optional<ReadyStep> next_step() override;
  EpochEnd finish_epoch() override;
  void start_records() override;
  Checkpoint checkpoint() override;
  void restore(const Checkpoint& checkpoint) override;
  void write_recipe() const override;
  bool depends_on_threads() override;
  Fingerprint fingerprint() const override;
  void report(RunOutcome outcome) override;

  /// Builds the supernet of a stage, and what moves it.
  void enter(SearchStage stage);
  /// The next stage's, from what this one has left.
  void advance();
  /// Makes the decision of a selection that the epoch begins with, if it is one that does.
  void select();
  /// What this rank finds of a batch that is only classified.
  struct BatchScores {
    at::Tensor loss_sum = at::zeros({}, at::kDouble);
    at::Tensor correct = at::zeros({}, at::kLong);
    std::int64_t images = 0;
  };
  BatchScores score(const Batch& batch, const Mixings& mixings);
  CandidateFigures of_all_ranks(const at::Tensor& loss, const at::Tensor& correct,
                                std::int64_t seen);
  CandidateFigures judge(const Mixings& mixings);
  Genotype derive() const;
  double learning_rate() const;
  SearchPosition position(std::int64_t step) const;
  EpochSummary summarize() const;
  bool validate(EpochSummary& summary);
  bool measure(EpochSummary& summary);
  void trace(const EpochSummary& summary);

  SearchConfig config_;
  SearchData data_;
  std::shared_ptr<const SearchMethod> method_;
  SearchStage stage_;
  Supernet supernet_{nullptr};
  std::unique_ptr<SearchStep> step_;
  SearchRecords records_;
  SearchState state_;
  std::int64_t skipped_before_ = 0;  ///< images of the epoch that a run before this one skipped
};

}  // namespace darts
