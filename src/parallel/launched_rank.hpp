#pragma once

#include <darts/core/child_process.hpp>
#include <darts/core/file_descriptor.hpp>
#include <darts/parallel/launcher.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace darts::parallel {

/// A rank that the launcher has started.
class LaunchedRank {
 public:
  LaunchedRank(const Launch& what, int rank, std::uint16_t port);

  /// Shows what it has said since. Whether it has ended.
  bool poll();
  void signal(int number) const;

  /// Whether it has ended by itself, and neither well nor because it was to stop.
  bool has_failed() const { return failed_; }
  /// Whether it has said why on this program's standard error.
  bool has_told() const { return rank_ == 0 && failed_ && ended_->signal == 0; }
  /// Whether it was killed.
  bool was_killed() const { return ended_ && ended_->signal != 0; }
  /// As a shell gives it.
  int status() const;
  /// Whether it did so before another one, and was not ended by that.
  bool failed_before(const LaunchedRank& other) const;
  /// What is to be said of it.
  std::string failure() const;

 private:
  using Clock = std::chrono::steady_clock;

  void show_lines();
  void show(const std::string& line);
  bool blames_another() const;

  int rank_ = 0;
  FileDescriptor errors_;  ///< to read what it says; of rank 0 none
  std::string rest_;       ///< of a line that has not ended
  std::string message_;    ///< its error
  std::optional<ChildProcess> child_;
  std::optional<ExitStatus> ended_;
  bool failed_ = false;
  mutable bool told_to_end_ = false;
  Clock::time_point at_;
};

}  // namespace darts::parallel
