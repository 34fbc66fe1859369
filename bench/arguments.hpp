#pragma once

#include "work.hpp"

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace darts {

/// What darts_bench was asked for.
struct Arguments {
  std::string program;
  std::vector<std::string> command_line;  ///< behind it
  std::string device_name = "cpu";
  std::vector<std::string> works;
  std::vector<std::string> executions;
  std::vector<std::string> methods;
  bool paper = false;
  std::optional<std::int64_t> channels;
  std::optional<std::int64_t> cells;
  std::vector<std::int64_t> batches;
  std::int64_t rounds = 0;  ///< 0 until complete() knows the device
  std::int64_t steps = 0;   ///< 0 until complete() knows the device
  int threads = 0;
  int processes = 0;  ///< ranks that a step is also taken by; 0: none
  bool recompute = false;
  bool profile = false;
  bool scaling = false;
  std::vector<std::string> axes{"batch", "channels", "cells"};
  std::filesystem::path json;         ///< empty: none
  std::optional<double> max_seconds;  ///< after which no measurement is started
  std::string child;                  ///< what a process for one measurement measures; empty: none

  c10::Device device = c10::kCPU;  ///< as complete() found it
};

void declare(CLI::App& app, Arguments& arguments);

/// Fills in what depends on the device and on other arguments. Throws Error for what is wrong
/// before anything has been timed: a device that is not there, unknown works and executions, and
/// settings that do not go together.
void complete(Arguments& arguments);

/// A network's sizes, one for each batch.
std::vector<NetworkSize> sizes_of(const Arguments& arguments, const TimedNetwork& network);

/// What a measurement of `work` takes, with the arguments' further settings.
SubjectOptions options_of(const Arguments& arguments, const std::string& execution,
                          const NetworkSize& size);

}  // namespace darts
