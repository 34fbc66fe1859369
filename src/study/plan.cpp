#include <darts/core/error.hpp>
#include <darts/run/run_directory.hpp>
#include <darts/search/methods/random_search.hpp>
#include <darts/study/plan.hpp>

#include <algorithm>
#include <numeric>
#include <set>

namespace darts {
namespace {

namespace fs = std::filesystem;

void add_searches(const Study& study, std::vector<Candidate>& candidates) {
  for (const std::int64_t seed : study.seeds) {
    for (const StudySearch& search : study.searches) {
      candidates.push_back({search.name + "-" + std::to_string(seed), search.name, seed, &search});
    }
  }
}

void add_known(std::string name, std::string method, std::int64_t seed, Genotype genotype,
               std::vector<Candidate>& candidates) {
  genotype.name = name;
  candidates.push_back({std::move(name), std::move(method), seed, nullptr, std::move(genotype)});
}

/// Their places, those of one method behind each other: what is dealt out in this order gives every
/// part like numbers of each, and methods take unlike times.
std::vector<std::size_t> by_method(const std::vector<Candidate>& candidates) {
  const auto first_of_method = [&](std::size_t i) {
    return std::ranges::find(candidates, candidates[i].method, &Candidate::method) -
           candidates.begin();
  };
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, first_of_method);
  return order;
}

/// Throws Error where a given genotype would be counted as what a search has found.
void check_methods(const Study& study) {
  for (const Genotype& genotype : study.genotypes) {
    if (genotype.name == "random" ||
        std::ranges::find(study.searches, genotype.name, &StudySearch::name) !=
            study.searches.end()) {
      throw Error("the genotype " + genotype.name +
                  " has the name of a method of the study, with " +
                  "whose results it would be counted; give the search or the genotype's file " +
                  "another name");
    }
  }
}

void check_names(const std::vector<Candidate>& candidates) {
  std::set<std::string> names;
  for (const Candidate& candidate : candidates) {
    if (!names.insert(candidate.name).second) {
      throw Error("the study compares two that are called " + candidate.name +
                  "; give a search or a genotype another name");
    }
  }
}

}  // namespace

void StudyFolder::make() const {
  static const std::set<std::string> of_a_beginning{"lock",   "log.txt",  "configs",  "genotypes",
                                                    "output", "searches", "trainings"};
  make_folders(path_);
  if (fs::is_directory(path_ / "outcomes")) {
    return;
  }
  for (const fs::path& file : fs::directory_iterator(path_)) {
    const bool study_file = file.extension() == ".yaml" && file.filename() != "config.yaml";
    if (!study_file && !of_a_beginning.contains(file.filename().string())) {
      throw Error(path_.string() +
                  " is not empty and no study's folder (it has no outcomes/); take another one "
                  "(--dir)");
    }
  }
}

fs::path StudyFolder::config(const std::string& run) const {
  return path_ / "configs" / (run + ".yaml");
}
fs::path StudyFolder::output(const std::string& run) const {
  return path_ / "output" / (run + ".txt");
}
fs::path StudyFolder::outcome(const std::string& run) const {
  return path_ / "outcomes" / (run + ".json");
}
fs::path StudyFolder::genotype(const std::string& candidate) const {
  return path_ / "genotypes" / (candidate + ".json");
}

std::vector<Candidate> candidates_of(const Study& study) {
  check_methods(study);
  std::vector<Candidate> candidates;
  add_searches(study, candidates);
  for (std::int64_t seed = 0; seed < study.random; ++seed) {
    add_known("random-" + std::to_string(seed), "random", seed,
              draw_genotype(study.random_space, static_cast<std::uint64_t>(seed)), candidates);
  }
  for (const Genotype& genotype : study.genotypes) {
    add_known(genotype.name, genotype.name, 0, genotype, candidates);
  }
  check_names(candidates);
  for (Candidate& candidate : candidates) {
    for (const std::int64_t seed : study.training_seeds) {
      candidate.trainings.push_back({candidate.name + "-t" + std::to_string(seed), seed});
    }
  }
  return candidates;
}

void check_has_run(const std::vector<Candidate>& candidates, const std::string& run) {
  const auto has = [&run](const Candidate& candidate) {
    return (candidate.search != nullptr && candidate.name == run) ||
           std::ranges::find(candidate.trainings, run, &PlannedTraining::name) !=
               candidate.trainings.end();
  };
  if (std::ranges::none_of(candidates, has)) {
    throw Error("--only " + run + ": the study has no such run; --dry-run lists them");
  }
}

std::vector<Candidate> shard(std::vector<Candidate> candidates, std::int64_t number,
                             std::int64_t count) {
  if (number < 1 || number > count) {
    throw Error("there is no part " + std::to_string(number) + " of " + std::to_string(count) +
                "; parts are 1/" + std::to_string(count) + " to " + std::to_string(count) + "/" +
                std::to_string(count));
  }
  std::vector<std::size_t> own;
  const std::vector<std::size_t> order = by_method(candidates);
  for (std::size_t i = static_cast<std::size_t>(number - 1); i < order.size();
       i += static_cast<std::size_t>(count)) {
    own.push_back(order[i]);
  }
  std::ranges::sort(own);
  std::vector<Candidate> part;
  for (const std::size_t candidate : own) {
    part.push_back(std::move(candidates[candidate]));
  }
  return part;
}

SearchConfig search_config(const Candidate& candidate) {
  SearchConfig config = candidate.search->config;
  config.name = candidate.name;
  config.seed = static_cast<std::uint64_t>(candidate.seed);
  return config;
}

TrainConfig training_config(const Study& study, const PlannedTraining& training) {
  TrainConfig config = study.training;
  config.name = training.name;
  config.seed = static_cast<std::uint64_t>(training.seed);
  return config;
}

fs::path genotype_file(const Candidate& candidate, const StudyFolder& folder) {
  return candidate.search == nullptr ? folder.genotype(candidate.name)
                                     : folder.search(candidate.name) / "genotype.json";
}

}  // namespace darts
