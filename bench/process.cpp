#include "process.hpp"

#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>

namespace darts {
namespace {

using nlohmann::ordered_json;

ordered_json objects_of(const std::string& text) {
  ordered_json all = ordered_json::object();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto object = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (object.is_object()) {
      all.update(object);
    }
  }
  return all;
}

/// The signal that ended a command; 0 if none did.
int signal_of(int status) {
  if (WIFSIGNALED(status)) {
    return WTERMSIG(status);
  }
  constexpr int of_a_signal = 128;  // as the shell tells it
  return WIFEXITED(status) && WEXITSTATUS(status) > of_a_signal ? WEXITSTATUS(status) - of_a_signal
                                                                : 0;
}

std::string reason_of(int status) {
  const int signal = signal_of(status);
  if (signal == SIGKILL) {
    return "killed, as happens where there is too little memory";
  }
  if (signal != 0) {
    return "ended by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  }
  return WIFEXITED(status) ? "ended with status " + std::to_string(WEXITSTATUS(status))
                           : "could not be run";
}

}  // namespace

ordered_json run_process(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  for (char part[256]; pipe != nullptr && std::fgets(part, sizeof part, pipe.get()) != nullptr;) {
    text += part;
  }
  const int status = pipe == nullptr ? -1 : ::pclose(pipe.release());
  ordered_json told = objects_of(text);
  if (status != 0 && !told.contains("failed")) {
    told["failed"] = reason_of(status);
  }
  return told;
}

}  // namespace darts
