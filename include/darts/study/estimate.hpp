#pragma once

#include <darts/core/log.hpp>
#include <darts/study/plan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// What the runs of one kind take, all of them.
struct RunsEstimate {
  std::string what = {};  ///< "searches by first", "trainings"
  std::int64_t runs = 0;
  double seconds = 0.0;  ///< of one, with this machine for itself
  double bytes = 0.0;    ///< of one, on disk: its checkpoints
  /// What the seconds are not, if anything: "without measuring the curvature".
  std::string but = {};
};

/// Tries a step of every kind of run of the study, as their dry runs do.
std::vector<RunsEstimate> estimate(const Study& study, const std::vector<Candidate>& candidates);

/// The runs, and what they take together, for `--dry-run`.
void report(const std::vector<RunsEstimate>& estimates, const std::vector<Candidate>& candidates,
            const Log& log);

}  // namespace darts
