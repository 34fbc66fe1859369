#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace darts::testing {

/// How a program ended and what it said.
struct ProgramResult {
  int status = 0;  ///< exit status, or minus the signal that ended it
  std::string out;
  std::string err;
};

/// What a program is limited to, bytes; 0: it is not.
struct ProgramLimits {
  std::uint64_t file_size = 0;  ///< RLIMIT_FSIZE
  std::uint64_t memory = 0;     ///< RLIMIT_DATA
};

/// A program of this build that runs as a child process; killed if it outlives the object.
class Program {
 public:
  /// Starts `name` of the build's bin folder. Its output goes to two files in `scratch`, with
  /// OMP_NUM_THREADS=1.
  Program(const std::string& name, const std::vector<std::string>& arguments,
          const std::filesystem::path& scratch, const ProgramLimits& limits = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  ProgramResult wait();

  /// What it has written to standard output so far.
  std::string out() const;

  /// Looks at `condition` every millisecond until it holds, or until the program has ended or a
  /// minute is over; then false.
  bool until(const std::function<bool()>& condition) const;
  bool until_it_says(const std::string& text) const;

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t pid_ = -1;
};

/// The bytes of a file; empty if there is none.
std::string bytes_of(const std::filesystem::path& file);

/// The lines of a text that begin with `prefix`.
std::vector<std::string> lines_with(const std::string& text, const std::string& prefix);

}  // namespace darts::testing
