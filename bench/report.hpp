#pragma once

#include "result.hpp"

#include <deque>
#include <filesystem>

namespace darts {

/// All results of a run, and the file that has them.
class Report {
 public:
  /// `file` is written at once, so that a place that cannot be written is known before the first
  /// measurement; empty: none. `about` says on what the figures were taken.
  Report(std::filesystem::path file, const nlohmann::ordered_json& about);

  /// Adds a result; the reference stays good.
  Result& add(Result result);

  /// Writes the file anew, with every result as it is now: {…about, "results": […]}. A reader
  /// finds the old file or the new one, whenever this process is killed.
  void write() const;

  const std::deque<Result>& results() const { return results_; }

 private:
  std::filesystem::path file_;
  std::string about_;  ///< as JSON
  std::deque<Result> results_;
};

/// Throws Error that counts the failed results and names the first, if there is one.
void check_none_failed(const Report& report);

}  // namespace darts
