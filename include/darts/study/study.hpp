#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/eval/train_config.hpp>
#include <darts/search/search_config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// The searches of one method in a study, one a seed.
struct StudySearch {
  std::string name;
  SearchConfig config;
};

/// What is compared, and how: searches, their rivals, and the one schedule that retrains all of
/// them. The paper's protocol (section 3.1.2: several searches, each result retrained, the best
/// picked by images that no training saw) for any number of methods and seeds.
struct Study {
  std::string name = "study";
  std::vector<std::int64_t> seeds{0, 1, 2, 3};  ///< of every search
  std::int64_t hold_out = 0;  ///< images that the results are ranked by (data.hold_out)
  std::int64_t random = 0;    ///< genotypes drawn from `random_space`, by the seeds 0, 1, …
  std::vector<StudySearch> searches;
  SearchSpace random_space;
  std::vector<Genotype> genotypes;  ///< given ones, by their names
  TrainConfig training;
  std::vector<std::int64_t> training_seeds{0};
  /// What the file says that may not be meant: settings without effect, those of every_search in
  /// place of a search's own recipe's, unlike data sets. A line each.
  std::vector<std::string> warnings;
};

/// Reads the YAML file of a study (study_format() says what is in it). All configs are checked as
/// they are read. Throws Error, which names file, line and key.
Study load_study(const std::filesystem::path& file);

/// What a study's file may hold, as text for people.
std::string study_format();

}  // namespace darts
