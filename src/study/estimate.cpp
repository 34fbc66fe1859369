#include <darts/core/doing.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/methods/random_search.hpp>
#include <darts/study/estimate.hpp>

#include <algorithm>

namespace darts {
namespace {

/// Of a finished run: its last ones and its best, each w, its momentum and, of a training that has
/// one, its average in float32.
double checkpoint_bytes(const Trial& trial, const RunOptions& options, bool averages) {
  const auto kept = static_cast<double>(options.keep_checkpoints + 1);
  const double of_parameter = averages ? 12.0 : 8.0;
  return kept * of_parameter * static_cast<double>(trial.parameters);
}

/// What a search's trial does not measure.
std::string not_measured(const SearchConfig& config) {
  std::vector<std::string> parts;
  if (config.search.curvature.every > 0) {
    parts.emplace_back("without measuring the curvature");
  }
  if (const auto stages = search_method(config)->stages(); stages > 1) {
    parts.push_back("by a step of stage 1 of " + std::to_string(stages));
  }
  return join(parts);
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
      estimates.push_back({"searches by " + search.name, runs, whole_seconds(trial),
                           checkpoint_bytes(trial, search.config.run, /*averages=*/false),
                           not_measured(search.config)});
    }
  }
  std::int64_t trainings = 0;
  for (const Candidate& candidate : candidates) {
    trainings += std::ssize(candidate.trainings);
  }
  const Trial trial = within("training", [&] {
    return train_dry_run(study.training, any_genotype(study), Log::silent());
  });
  estimates.push_back(
      {"trainings", trainings, whole_seconds(trial),
       checkpoint_bytes(trial, study.training.run, study.training.train.average > 0.0)});
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
  bool whole = true;
  for (const RunsEstimate& e : estimates) {
    log.info(std::to_string(e.runs) + " " + e.what + ": about " + format_duration(e.seconds) +
             " and " + format_bytes(static_cast<std::uint64_t>(e.bytes)) + " each" +
             (e.but.empty() ? "" : " (" + e.but + ")"));
    runs += e.runs;
    seconds += static_cast<double>(e.runs) * e.seconds;
    bytes += static_cast<double>(e.runs) * e.bytes;
    whole = whole && e.but.empty();
  }
  log.info(std::to_string(runs) + " runs: about " + format_duration(seconds) +
           ", one after the other, and " + format_bytes(static_cast<std::uint64_t>(bytes)) +
           " on disk" + (whole ? "" : "; more, for what is left out above"));
}

}  // namespace darts
