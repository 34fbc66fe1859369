#include <darts/core/child_process.hpp>
#include <darts/core/error.hpp>
#include <darts/core/file_descriptor.hpp>
#include <darts/core/posix_file.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

constexpr int cannot_start = 127;  // as shells say it

/// The child, between fork and exec: nothing here may allocate.
[[noreturn]] void become(char* const* arguments, char* const* environment, const ChildSetup& setup,
                         pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) {  // which ended before it was asked to tell
    ::_exit(cannot_start);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  if (setup.output >= 0) {
    ::dup2(setup.output, STDOUT_FILENO);
  }
  if (setup.errors >= 0) {
    ::dup2(setup.errors, STDERR_FILENO);
  }
  ::execve(arguments[0], arguments, environment);
  ::_exit(cannot_start);
}

std::vector<char*> c_strings(std::vector<std::string>& all) {
  std::vector<char*> pointers;
  pointers.reserve(all.size() + 1);
  for (std::string& argument : all) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// This program's, with what the setup has more or other.
std::vector<std::string> environment_of(const ChildSetup& setup) {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(setup.environment,
                             [name](const auto& own) { return own.first == name; })) {
      all.emplace_back(text);
    }
  }
  for (const auto& [name, value] : setup.environment) {
    all.push_back(name);
    all.back().append("=").append(value);
  }
  return all;
}

}  // namespace

ChildProcess::ChildProcess(const fs::path& program, const std::vector<std::string>& arguments,
                           const fs::path& output, const Variables& environment) {
  const FileDescriptor file(
      ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.valid()) {
    throw Error("cannot write " + output.string() + ": " + detail::reason_of(errno));
  }
  start(program, arguments, {environment, file.get(), file.get()});
}

ChildProcess::ChildProcess(const fs::path& program, const std::vector<std::string>& arguments,
                           const ChildSetup& setup) {
  start(program, arguments, setup);
}

void ChildProcess::start(const fs::path& program, const std::vector<std::string>& arguments,
                         const ChildSetup& setup) {
  std::vector<std::string> all{program.string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const std::vector<char*> pointers = c_strings(all);
  std::vector<std::string> variables = environment_of(setup);
  const std::vector<char*> environment = c_strings(variables);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) {
    throw Error("cannot start " + program.string() + ": " + detail::reason_of(errno));
  }
  if (pid_ == 0) {
    become(pointers.data(), environment.data(), setup, parent);
  }
}

ChildProcess::~ChildProcess() { kill(); }

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
  }
  return *this;
}

void ChildProcess::kill() {
  if (pid_ > 0 && !status_) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);  // should it not have its group yet
    wait();
  }
}

void ChildProcess::ended(int status) {
  status_ =
      WIFSIGNALED(status) ? ExitStatus{0, WTERMSIG(status)} : ExitStatus{WEXITSTATUS(status), 0};
}

std::optional<ExitStatus> ChildProcess::poll() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    ended(status);
  }
  return status_;
}

ExitStatus ChildProcess::wait() {
  int status = 0;
  while (!status_) {
    if (::waitpid(pid_, &status, 0) == pid_) {
      ended(status);
    } else if (errno != EINTR) {
      status_ = ExitStatus{cannot_start, 0};
    }
  }
  return *status_;
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0 && !status_) {
    ::kill(pid_, number);
  }
}

fs::path sibling_program(const std::string& name) {
  std::error_code failure;
  const fs::path own = fs::read_symlink("/proc/self/exe", failure);
  const fs::path sibling = own.parent_path() / name;
  if (failure || ::access(sibling.c_str(), X_OK) != 0) {
    throw Error("there is no program " + (failure ? name : sibling.string()) +
                ", which this one starts; install them together");
  }
  return sibling;
}

}  // namespace darts
