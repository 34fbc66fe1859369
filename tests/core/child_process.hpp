#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>

namespace darts::testing {

/// Forks and runs `body` in the child, which ends with the status that it returns (99 if it throws)
/// and runs nothing else of the test program. Returns the child's process id.
template <typename Body>
pid_t start_child(Body body) {
  const pid_t pid = ::fork();
  if (pid < 0) {
    throw std::runtime_error("cannot fork");
  }
  if (pid == 0) {
    int status = 99;
    try {
      status = body();
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }
  return pid;
}

/// Waits for a child; returns its exit status, or minus the signal that ended it.
inline int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

template <typename Body>
int run_child(Body body) {
  return wait_for(start_child(body));
}

}  // namespace darts::testing
