#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/posix_file.hpp>
#include <darts/core/text.hpp>

#include <c10/util/Exception.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>

namespace darts {
namespace {

/// The first line with something on it.
std::string first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  const std::string line = one_line(text.substr(0, text.find_first_of("\r\n")));
  return line.empty() ? "unknown error" : line;
}

/// "GPU 3" → "cuda:3", wherever it stands in a message of LibTorch's.
std::string device_in(std::string_view message) {
  constexpr std::string_view word = "GPU ";
  const std::size_t at = message.find(word);
  if (at == std::string_view::npos) {
    return "the GPU";
  }
  const std::string_view rest = message.substr(at + word.size());
  return "cuda:" + std::string(rest.substr(0, rest.find_first_not_of("0123456789")));
}

/// LibTorch's message has a dozen sentences on its allocator; the first says that memory is out,
/// the next two how much was asked for and how much there is.
std::string explain_device_memory(std::string_view message, std::string_view advice) {
  std::string details;
  std::size_t begin = message.find(". ");
  for (int sentence = 0; sentence < 2 && begin != std::string_view::npos; ++sentence) {
    const std::size_t end = message.find(". ", begin + 2);
    const std::string_view text = message.substr(begin + 2, end - begin - 2);
    details += (details.empty() ? " (" : "; ") + std::string(text);
    begin = end;
  }
  return "out of memory on " + device_in(message) + details + (details.empty() ? "" : ")") + "; " +
         std::string(advice);
}

/// Whether an error of LibTorch's other than its allocator's is about memory: CUDA's own, and those
/// of cuBLAS and cuDNN, which take some for themselves.
bool is_about_memory(std::string_view message) {
  return message.find("CUDA error: out of memory") != std::string_view::npos ||
         message.find("_STATUS_ALLOC_FAILED") != std::string_view::npos;
}

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

}  // namespace

int run_main(const MainProgram& program, const std::function<int()>& body) {
  return run_main(program, body, std::cerr);
}

int run_main(const MainProgram& program, const std::function<int()>& body, std::ostream& errors) {
  try {
    const int status = body();
    return status == 0 ? flush_output(errors) : status;
  } catch (const Error& e) {
    return report(errors, one_line(e.what()));
  } catch (const std::bad_alloc&) {
    return report(errors, "out of memory; " + std::string(program.memory_advice));
  } catch (const c10::OutOfMemoryError& e) {
    return report(errors, explain_device_memory(first_line(e.what()), program.memory_advice));
  } catch (const c10::Error& e) {
    const std::string line = first_line(e.what());
    return report(errors, is_about_memory(line) ? "out of memory on the GPU (" + line + "); " +
                                                      std::string(program.memory_advice)
                                                : line);
  } catch (const std::logic_error& e) {
    return report(errors, first_line(e.what()) + " (a bug in " + std::string(program.name) +
                              "; please report it)");
  } catch (const std::exception& e) {
    return report(errors, first_line(e.what()));
  } catch (...) {
    return report(
        errors, "unknown exception (a bug in " + std::string(program.name) + "; please report it)");
  }
}

}  // namespace darts
