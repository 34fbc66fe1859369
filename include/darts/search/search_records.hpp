#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/supernet.hpp>

#include <cstdint>
#include <string>

namespace darts {

/// What is known of a finished epoch.
struct EpochSummary {
  std::int64_t epoch = 0;  ///< counted from 1
  double learning_rate = 0.0;
  double train_loss = 0.0;
  double train_accuracy = 0.0;  ///< in [0, 1]
  double valid_loss = 0.0;
  double valid_accuracy = 0.0;  ///< in [0, 1]
  double entropy_normal = 0.0;  ///< mean entropy of an edge's softmax(alpha), nats
  double entropy_reduce = 0.0;
  double most_entropy = 0.0;       ///< of an undecided edge, on average over both types of cell
  double seconds = 0.0;            ///< wall time of the epoch's steps
  double images_per_second = 0.0;  ///< images of w's batches
  double loader_share = 0.0;       ///< share of the time spent waiting for batches, in [0, 1]
  Genotype genotype;
};

/// One line that says it to a person.
std::string describe(const EpochSummary& summary, std::int64_t epochs);

/// The record files of a search in its run directory: metrics.jsonl, alphas.jsonl, genotype.json
/// and genotypes/epoch_NNN.json.
class SearchRecords {
 public:
  SearchRecords(const RunDirectory& directory, const SearchConfig& config);

  void add_step(std::int64_t epoch, std::int64_t step, double loss, double accuracy,
                double gradient_norm);
  void add_epoch(const EpochSummary& summary);
  /// Both alpha matrices after `epoch` epochs; 0: before the first. A row has what its edge offers.
  void add_alphas(std::int64_t epoch, const Alphas& alphas);
  void write_genotype(const EpochSummary& summary);

  std::int64_t metrics_size() const { return metrics_.size(); }
  std::int64_t alphas_size() const { return alphas_.size(); }
  /// Drops all records after these sizes, on resuming.
  void truncate(std::int64_t metrics_size, std::int64_t alphas_size);
  /// Makes the records durable before a checkpoint refers to them.
  void sync();

 private:
  const RunDirectory& directory_;
  const SearchConfig& config_;
  SearchSpace space_;
  JsonLines metrics_;
  JsonLines alphas_;
};

/// The alphas that a run directory recorded after `epoch` epochs, or the last ones if `epoch` is
/// negative. Throws Error if there are none, naming the epochs there are.
struct RecordedAlphas {
  Alphas alphas;
  ByCellType<CellPrimitives> primitives;
  std::int64_t epoch = 0;
};
RecordedAlphas read_alphas(const std::filesystem::path& alphas_file, std::int64_t epoch);

}  // namespace darts
