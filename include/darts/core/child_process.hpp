#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace darts {

/// How a program ended.
struct ExitStatus {
  int code = 0;    ///< that it returned
  int signal = 0;  ///< that ended it; 0: none did

  bool success() const { return code == 0 && signal == 0; }
};

using Variables = std::vector<std::pair<std::string, std::string>>;

/// What a child does not have of this program.
struct ChildSetup {
  Variables environment = {};  ///< variables more, or other
  int output = -1;             ///< descriptor that is its standard output; -1: this program's
  int errors = -1;             ///< the same of standard error
};

/// A program that runs as a child of this one, in a process group of its own, so that Ctrl-C on the
/// terminal reaches this program alone, which passes on what it wants to. If this program ends,
/// however it ends, the child gets SIGTERM. If the object goes before the child has ended, the
/// child is killed.
class ChildProcess {
 public:
  /// Starts `program` with `arguments` (without the program's name). Its output, errors among it,
  /// is appended to the file `output`; `environment` has variables more than this program's, or
  /// other. Throws Error if it cannot be started.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const std::filesystem::path& output, const Variables& environment = {});
  /// The same with streams and environment of its own.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const ChildSetup& setup);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  /// How it has ended; nothing while it runs.
  std::optional<ExitStatus> poll();
  /// Waits until it has.
  ExitStatus wait();
  void signal(int number) const;

 private:
  void start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const ChildSetup& setup);
  void kill();
  void ended(int status);

  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
};

/// The program `name` that lies beside the running one. Throws Error if there is none.
std::filesystem::path sibling_program(const std::string& name);

}  // namespace darts
