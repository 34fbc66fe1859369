#pragma once

#include <darts/core/log.hpp>
#include <darts/study/results.hpp>

#include <functional>
#include <optional>

namespace darts {

/// Tests the best candidate's networks on the test set, each by darts_eval in a process of its own,
/// and writes winner.json, which stands before the first test begins and gets the figure of each: a
/// test that was stopped goes on with the networks that are left. Nothing else of a study looks at
/// the test set, and once it is looked at, the choice stands. Returns nothing if it was stopped
/// before the end; throws Error where a test fails.
std::optional<WinnerTest> test_winner(const StudyResults& results, const Study& study,
                                      const StudyFolder& folder, const Log& log,
                                      const std::function<bool()>& should_stop);

/// Throws Error where the study's winner has been tested among other candidates than these: what
/// would be compared next could be chosen by the test set.
void check_not_tested(const std::vector<Candidate>& candidates, const StudyFolder& folder);

}  // namespace darts
