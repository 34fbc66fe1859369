#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <string>

namespace darts {
namespace {

int report(std::ostream& errors, std::string_view message) {
  // One write, so that lines of several processes on one terminal do not mix.
  errors << "error: " + std::string(message) + "\n" << std::flush;
  return 1;
}

/// What a program prints is its result: 0, or an error where it could not be printed. To a reader
/// that has left, as of `… | head -1`, there is nothing to say.
int flush_output(std::ostream& errors) {
  errno = 0;
  if (std::cout.flush()) {
    return 0;
  }
  const int error = errno;
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  constexpr int left = 128 + SIGPIPE;
  if (error == EPIPE || (::poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0)) {
    return left;
  }
  return report(errors, "cannot write to standard output: " +
                            (error == 0 ? "is its disk full?" : detail::reason_of(error)));
}

/// body(), whose exceptions are Errors, or bugs.
int in_our_words(const std::function<int()>& body) {
  try {
    return body();
  } catch (...) {
    detail::rethrow_as_error();
  }
}

}  // namespace

int run_main(const MainProgram& program, const std::function<int()>& body) {
  return run_main(program, body, std::cerr);
}

int run_main(const MainProgram& program, const std::function<int()>& body, std::ostream& errors) {
  const auto bug = [&](const std::string& what) {
    return report(errors, what + " (a bug in " + std::string(program.name) + "; please report it)");
  };
  try {
    const int status = in_our_words(body);
    return status == 0 ? flush_output(errors) : status;
  } catch (const MemoryError& e) {
    return report(errors, one_line(e.what()) + "; " +
                              (e.advice.empty() ? std::string(program.memory_advice) : e.advice));
  } catch (const Error& e) {
    return report(errors, one_line(e.what()));
  } catch (const std::logic_error& e) {
    return bug(one_line(e.what()));
  } catch (...) {
    return bug("unknown exception");
  }
}

}  // namespace darts
