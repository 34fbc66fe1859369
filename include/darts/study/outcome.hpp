#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace darts {

/// How a run of a study ended, kept as outcomes/RUN.json.
struct Outcome {
  bool finished = false;
  std::string reason = {};  ///< why it failed
};

/// Nothing where the run has not ended, or the file is missing. Throws Error if it is broken.
std::optional<Outcome> read_outcome(const std::filesystem::path& file);
/// Whether the run has ended well.
bool is_finished(const std::filesystem::path& file);
void write_outcome(const std::filesystem::path& file, const Outcome& outcome);

}  // namespace darts
