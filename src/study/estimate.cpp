#include <darts/core/doing.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/methods/random_search.hpp>
#include <darts/study/estimate.hpp>

#include <algorithm>

namespace darts {
namespace {

/// Of a finished run: its last and its best, each w and its momentum in float32.
double checkpoint_bytes(const Trial& trial) {
  constexpr double kept = 2.0;
  constexpr double of_parameter = 8.0;
  return kept * of_parameter * static_cast<double>(trial.parameters);
}

RunsEstimate estimate_of(const std::string& what, std::int64_t runs, const Trial& trial) {
  return {what, runs, whole_seconds(trial), checkpoint_bytes(trial)};
}

/// One that is known before any search.
Genotype any_genotype(const Study& study) {
  return study.genotypes.empty() ? draw_genotype(study.random_space, 0) : study.genotypes.front();
}

}  // namespace

std::vector<RunsEstimate> estimate(const Study& study, const std::vector<Candidate>& candidates) {
  std::vector<RunsEstimate> estimates;
  for (const StudySearch& search : study.searches) {
    const auto runs = std::ranges::count(candidates, &search, &Candidate::search);
    if (runs > 0) {
      const Trial trial =
          within("searches." + search.name, [&] { return dry_run(search.config, Log::silent()); });
      estimates.push_back(estimate_of("searches by " + search.name, runs, trial));
    }
  }
  std::int64_t trainings = 0;
  for (const Candidate& candidate : candidates) {
    trainings += std::ssize(candidate.trainings);
  }
  const Trial trial = within("training", [&] {
    return train_dry_run(study.training, any_genotype(study), Log::silent());
  });
  estimates.push_back(estimate_of("trainings", trainings, trial));
  return estimates;
}

void report(const std::vector<RunsEstimate>& estimates, const std::vector<Candidate>& candidates,
            const Log& log) {
  for (const Candidate& candidate : candidates) {
    std::string trainings;
    for (const PlannedTraining& training : candidate.trainings) {
      trainings += (trainings.empty() ? "" : ", ") + training.name;
    }
    log.info(candidate.name + ": " + (candidate.search != nullptr ? "a search; " : "") +
             "trainings " + trainings);
  }
  double seconds = 0.0;
  double bytes = 0.0;
  std::int64_t runs = 0;
  for (const RunsEstimate& e : estimates) {
    log.info(std::to_string(e.runs) + " " + e.what + ": about " + format_duration(e.seconds) +
             " and " + format_bytes(static_cast<std::uint64_t>(e.bytes)) + " each");
    runs += e.runs;
    seconds += static_cast<double>(e.runs) * e.seconds;
    bytes += static_cast<double>(e.runs) * e.bytes;
  }
  log.info(std::to_string(runs) + " runs: about " + format_duration(seconds) +
           ", one after the other, and " + format_bytes(static_cast<std::uint64_t>(bytes)) +
           " on disk");
}

}  // namespace darts
