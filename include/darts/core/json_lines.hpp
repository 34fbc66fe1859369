#pragma once

#include <darts/core/file_descriptor.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace darts {

/// A file of JSON objects, one a line, that only grows: metrics.jsonl, alphas.jsonl.
class JsonLines {
 public:
  /// Opens or makes the file. A last line without its end (of a program that was killed) is cut
  /// away. Throws Error if it cannot be written.
  explicit JsonLines(std::filesystem::path file);

  /// Keeps nothing but its size.
  static JsonLines nowhere() { return {}; }

  /// Appends one JSON object as a line, with one write(2), so that it can be read at once; numbers
  /// that are not finite become null. On an error (a full disk) no part of the line stays, and
  /// Error names the file and the reason.
  void append(const nlohmann::json& record);

  /// Bytes written so far: what a checkpoint remembers.
  std::int64_t size() const { return size_; }

  /// Drops all that was appended since size() was `size`. Throws Error if the file is shorter.
  void truncate(std::int64_t size);

  /// Waits until all is on the disk; do so before a checkpoint that remembers size().
  void sync();

 private:
  JsonLines() = default;

  std::filesystem::path file_;  ///< empty: nowhere
  FileDescriptor descriptor_;
  std::int64_t size_ = 0;
};

/// All records of such a file. A last line that was cut off is left out; any other line that is no
/// JSON object is an Error with its number.
std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& file);

}  // namespace darts
