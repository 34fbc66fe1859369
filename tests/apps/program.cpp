#include "apps/program.hpp"

#include "core/child_process.hpp"
#include "support/test_paths.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;

/// Makes `descriptor` a new file.
void redirect(int descriptor, const fs::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0 || ::dup2(fd, descriptor) < 0) {
    ::_exit(98);
  }
  ::close(fd);
}

void limit(__rlimit_resource resource, std::uint64_t most) {
  if (most > 0) {
    const rlimit value{most, most};
    ::setrlimit(resource, &value);
  }
}

/// Whether the child has ended; it stays there to be waited for.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid;
}

/// A number for the next program's files: scratch/1.out, scratch/1.err, …
fs::path next_stem(const fs::path& scratch) {
  fs::create_directories(scratch);
  int number = 1;
  while (fs::exists(scratch / (std::to_string(number) + ".out"))) {
    ++number;
  }
  return scratch / std::to_string(number);
}

}  // namespace

Program::Program(const std::string& name, const std::vector<std::string>& arguments,
                 const fs::path& scratch, const ProgramLimits& limits) {
  const std::string stem = next_stem(scratch).string();
  out_ = stem + ".out";
  err_ = stem + ".err";
  std::vector<std::string> words{programs_folder() / name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  pid_ = start_child([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    redirect(STDOUT_FILENO, out_);
    redirect(STDERR_FILENO, err_);
    limit(RLIMIT_FSIZE, limits.file_size);
    limit(RLIMIT_DATA, limits.memory);
    ::execv(argv.front(), argv.data());
    return 97;
  });
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
  }
}

void Program::signal(int number) const { ::kill(pid_, number); }

ProgramResult Program::wait() {
  const int status = wait_for(pid_);
  pid_ = -1;
  return {status, bytes_of(out_), bytes_of(err_)};
}

std::string Program::out() const { return bytes_of(out_); }

bool Program::until(const std::function<bool()>& condition) const {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (has_ended(pid_) || Clock::now() > end) {
      return condition();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool Program::until_it_says(const std::string& text) const {
  return until([&] { return out().find(text) != std::string::npos; });
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_with(const std::string& text, const std::string& prefix) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(prefix)) {
      found.push_back(line);
    }
  }
  return found;
}

}  // namespace darts::testing
