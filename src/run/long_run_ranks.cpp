// What the ranks of a run do together: one writes, all agree.

#include <darts/run/long_run.hpp>

#include <array>

namespace darts {

RunDirectory make_directory(const std::string& name, const RunOptions& options, Ranks& ranks) {
  if (!ranks.is_first()) {
    return RunDirectory::follow(ranks.of_first(""));
  }
  RunDirectory directory =
      options.directory.empty()
          ? RunDirectory::create(options.root, name, std::chrono::system_clock::now())
          : RunDirectory::create_at(options.directory);
  ranks.of_first(directory.path().string());
  return directory;
}

/// Before the ranks exchange numbers.
void LongRun::meet_ranks() {
  const Ranks& all = *hooks_.ranks;
  if (all.alone()) {
    return;
  }
  check_same(*hooks_.ranks, fingerprint());
  log().info(std::to_string(all.size()) + " ranks: a step's " + sizes() + ", shared out");
}

/// Throws Error unless all ranks hold the same, byte for byte.
void LongRun::compare_ranks(const std::string& when) {
  if (!hooks_.ranks->alone()) {
    check_same_tensors(*hooks_.ranks, checkpoint().tensors, when);
  }
}

/// Whether to stop, as soon as one rank is asked to, and whether to save, as the first one says.
LongRun::Agreement LongRun::agree(bool save) {
  const bool stop = hooks_.stop_requested();
  if (hooks_.ranks->alone()) {
    return {stop, stop || save};
  }
  std::array<double, 2> votes{stop ? 1.0 : 0.0, save && hooks_.ranks->is_first() ? 1.0 : 0.0};
  hooks_.ranks->sum(std::span<double>(votes));
  return {votes[0] > 0.0, votes[0] + votes[1] > 0.0};
}

}  // namespace darts
