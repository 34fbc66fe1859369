#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace darts {

/// Where a program says what it does: the terminal and, once a run directory exists, its log.txt.
///
/// A value that is passed down, never a global; a copy writes to the same places. Lines on the
/// terminal are plain, lines in the file carry the date and the level.
class Log {
 public:
  /// Writes to standard error (warnings) and standard output (all else).
  Log();

  /// Writes warnings alone, to standard error.
  static Log warnings();

  /// Writes nowhere: for tests and for library users who want silence.
  static Log silent();

  /// Also appends everything to `file` from now on; copies made before do not. Throws Error if it
  /// cannot be opened.
  void add_file(const std::filesystem::path& file);

  void info(std::string_view line) const;
  void warn(std::string_view line) const;

 private:
  struct Impl;
  explicit Log(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace darts
