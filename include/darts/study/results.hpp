#pragma once

#include <darts/study/plan.hpp>
#include <darts/study/statistics.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace darts {

/// What a search of a study came to.
struct SearchFigures {
  double seconds = 0.0;         ///< of its steps
  double valid_accuracy = 0.0;  ///< of the supernet after the genotype's epoch, in [0, 1]
  bool held_out = true;         ///< by images that it did not train on, as joint order does
  std::optional<double> eigenvalue = {};  ///< of the Hessian by alpha, the last one up to then
};

/// What a training of a study came to.
struct TrainingFigures {
  std::string name = {};
  std::int64_t seed = 0;
  double accuracy = 0.0;  ///< on the images kept for selection, after the last epoch, in [0, 1]
  double seconds = 0.0;   ///< of its steps
};

/// A candidate whose trainings are done, all of them.
struct RetrainedCandidate {
  std::string name = {};
  std::string method = {};
  std::int64_t seed = 0;
  Genotype genotype = {};
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;
  std::optional<SearchFigures> search = {};
  std::vector<TrainingFigures> trainings = {};

  double accuracy() const;  ///< mean over the trainings
  std::int64_t skips() const { return count_skip_connections(genotype.normal); }
};

/// All candidates of a method together.
struct MethodResult {
  std::string name = {};
  std::vector<std::int64_t> seeds = {};
  std::vector<double> accuracies = {};  ///< of its candidates, each a mean over its trainings
  double parameters = 0.0;              ///< means
  double multiply_adds = 0.0;
  double skips = 0.0;           ///< in the normal cell
  double search_seconds = 0.0;  ///< 0: there is no search
  /// How far its mean is above that of random genotypes, in standard deviations of theirs.
  std::optional<double> above_random = {};
};

/// Two methods with at least two candidates each.
struct Comparison {
  std::string first = {};
  std::string second = {};
  bool paired = false;  ///< by seeds that both have
  MeanTest test = {};
  double corrected_p = 1.0;  ///< for the number of comparisons, by Holm

  bool within_noise() const { return !(corrected_p < 0.05); }
};

/// How a figure by which candidates could have been chosen goes with their retrained accuracy.
struct Correlation {
  std::string figure = {};      ///< its name in results.json
  std::string words = {};       ///< what it is of whom
  std::int64_t candidates = 0;  ///< that have the figure
  double rank = 0.0;            ///< Spearman's; NaN where the figure does not vary
  double p = 1.0;               ///< of one as far from 0 by chance, likewise
};

/// The test images' word on the candidate that the selection images rank first.
struct WinnerTest {
  std::string candidate = {};
  std::vector<std::string> compared = {};   ///< that it was chosen among
  std::vector<double> top1 = {};            ///< of its trainings tested so far, by name
  std::vector<std::string> trainings = {};  ///< of all that were compared
  std::int64_t networks = 0;                ///< its trainings; 0: all are tested

  bool complete() const { return std::ssize(top1) >= networks; }
};

/// All that a study has come to so far.
struct StudyResults {
  std::string name = {};
  std::int64_t hold_out = 0;
  std::vector<RetrainedCandidate> candidates = {};  ///< best first
  std::vector<std::string> missing = {};            ///< candidates that are not done
  std::vector<MethodResult> methods = {};           ///< best first
  std::vector<Comparison> comparisons = {};
  std::vector<Correlation> correlations = {};
  std::optional<WinnerTest> winner = {};
};

/// Reads what the runs in `folder` have left. Throws Error where a file of a finished run is
/// missing or broken.
StudyResults collect(const Study& study, const std::vector<Candidate>& candidates,
                     const StudyFolder& folder);

/// Writes results.json, results.md, results.csv (a line a training), methods.csv, comparisons.csv
/// and epochs.csv (a line an epoch of a search) into the folder.
void write_tables(const StudyResults& results, const StudyFolder& folder);

nlohmann::ordered_json to_json(const StudyResults& results);
std::string trainings_csv(const StudyResults& results);
std::string methods_csv(const StudyResults& results);
std::string comparisons_csv(const StudyResults& results);
/// Of the searches' records in `folder`. Throws Error where one is broken.
std::string epochs_csv(const StudyResults& results, const StudyFolder& folder);
std::string to_markdown(const StudyResults& results);

/// winner.json, if it is there.
std::optional<WinnerTest> read_winner(const std::filesystem::path& file);
void write_winner(const std::filesystem::path& file, const WinnerTest& winner);

}  // namespace darts
