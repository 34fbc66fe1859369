#pragma once

#include <darts/study/study.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace darts {

/// Where the files of a study lie. A run's name is the name of its folder.
///
///     configs/RUN.yaml          what each run is started with
///     genotypes/CANDIDATE.json  those that are given or drawn
///     searches/RUN/, trainings/RUN/, output/RUN.txt, outcomes/RUN.json
///     winner.json, results.json, results.md, log.txt
///     results.csv, methods.csv, comparisons.csv, epochs.csv
class StudyFolder {
 public:
  explicit StudyFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folder. Throws Error where it holds something else than a study: its file may lie
  /// there.
  void make() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config(const std::string& run) const;
  std::filesystem::path output(const std::string& run) const;
  std::filesystem::path outcome(const std::string& run) const;
  std::filesystem::path search(const std::string& run) const { return path_ / "searches" / run; }
  std::filesystem::path training(const std::string& run) const { return path_ / "trainings" / run; }
  std::filesystem::path genotype(const std::string& candidate) const;
  std::filesystem::path winner() const { return path_ / "winner.json"; }

 private:
  std::filesystem::path path_;
};

/// A training of a candidate's genotype.
struct PlannedTraining {
  std::string name = {};  ///< "first-0-t1"
  std::int64_t seed = 0;
};

/// One genotype that is compared, and how it comes about.
struct Candidate {
  std::string name = {};    ///< "first-0", "random-3", "DARTS_V2"
  std::string method = {};  ///< the search's name, "random", or the genotype's own
  std::int64_t seed = 0;
  const StudySearch* search = nullptr;    ///< that finds it; null: none
  std::optional<Genotype> genotype = {};  ///< that is known from the start
  std::vector<PlannedTraining> trainings = {};
};

/// All candidates of a study, which must outlive them: seed by seed, so that a study that is cut
/// short has some of every method.
std::vector<Candidate> candidates_of(const Study& study);

/// Throws Error unless `run` is the name of one of their runs, a search or a training.
void check_has_run(const std::vector<Candidate>& candidates, const std::string& run);

/// The part `number` (from 1) of `count` parts, one for each machine.
std::vector<Candidate> shard(std::vector<Candidate> candidates, std::int64_t number,
                             std::int64_t count);

/// The config of a run, with all that the study says.
SearchConfig search_config(const Candidate& candidate);
TrainConfig training_config(const Study& study, const PlannedTraining& training);

/// The file with the candidate's genotype, once it is there.
std::filesystem::path genotype_file(const Candidate& candidate, const StudyFolder& folder);

}  // namespace darts
