#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/run/run_directory.hpp>
#include <darts/run/run_state.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/supernet.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace darts {

/// What is known of a finished epoch.
struct EpochSummary : EpochFigures {
  double valid_loss = 0.0;      ///< of the images that are held out from w
  double valid_accuracy = 0.0;  ///< the same, in [0, 1]
  /// Whether w was trained on these images all the same, as orders that are not bilevel have it:
  /// what is called valid is no validation then.
  bool valid_trained_on = false;
  double entropy_normal = 0.0;  ///< mean entropy of an edge's softmax(alpha), nats
  double entropy_reduce = 0.0;
  /// Mean share of `none` over the edges that offer it; nothing: no edge does.
  std::optional<double> none_share_normal = {};
  std::optional<double> none_share_reduce = {};
  std::optional<Curvature> curvature = {};  ///< where it was measured
  double most_entropy = 0.0;       ///< of an undecided edge, on average over both types of cell
  std::int64_t skipped = 0;        ///< images of w that could not be read
  std::int64_t valid_skipped = 0;  ///< held-out images that could not be read
  std::vector<MethodFigure> figures = {};  ///< of the search method
  std::optional<Genotype> genotype = {};
  std::string no_genotype = {};  ///< why there is none yet
};

/// One line that says it to a person.
std::string describe(const EpochSummary& summary, std::int64_t epochs);

/// Its record in metrics.jsonl. "valid_images" says what "valid_loss" and "valid_accuracy" are of:
/// "held out", or "trained on".
nlohmann::json to_json(const EpochSummary& summary);

/// The record in metrics.jsonl of a search that stops early.
nlohmann::json to_json(const SearchTrace::Stop& stop, EarlyStop by);

/// The record of a decision in metrics.jsonl.
nlohmann::json to_json(const Decision& decision, const SearchSpace& space);

/// The files of a search in its run directory beside metrics.jsonl: alphas.jsonl, genotype.json and
/// genotypes/epoch_NNN.json.
class SearchRecords {
 public:
  SearchRecords(const RunDirectory& directory, const SearchConfig& config);

  /// Both alpha matrices after `epoch` epochs, 0: before the first, and what else theta has. A row
  /// has what its edge offers.
  void add_theta(std::int64_t epoch, const Theta& theta,
                 const ByCellType<CellPrimitives>& primitives);
  /// Nothing where there is none: what an earlier epoch wrote stays.
  void write_genotype(const EpochSummary& summary);
  /// Makes the genotype of that epoch, which has one, the result.
  void write_result(const SearchTrace::Stop& stop, EarlyStop by);

  std::int64_t alphas_size() const { return alphas_.size(); }
  /// Drops all alphas after this size, on resuming.
  void truncate(std::int64_t alphas_size) { alphas_.truncate(alphas_size); }
  /// Makes them durable before a checkpoint refers to them.
  void sync() { alphas_.sync(); }

 private:
  const RunDirectory& directory_;
  const SearchConfig& config_;
  JsonLines alphas_;
};

/// The theta that a run directory recorded after `epoch` epochs, or the last one if `epoch` is
/// negative. Throws Error if there is none, naming the epochs there are.
struct RecordedTheta {
  Theta theta;
  ByCellType<CellPrimitives> primitives;
  std::int64_t epoch = 0;
};
RecordedTheta read_theta(const std::filesystem::path& alphas_file, std::int64_t epoch);

}  // namespace darts
