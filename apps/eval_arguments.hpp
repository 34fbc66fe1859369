#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// What the command line of darts_eval says.
struct EvalArguments {
  std::string checkpoint;
  bool best = false;
  bool trained_weights = false;
  std::string data;
  std::string data_root;
  std::string split = "test";
  std::int64_t limit = 0;
  std::int64_t batch_size = 128;
  int workers = 2;
  std::int64_t recalibrate = 0;
  std::string device = "auto";
  std::string precision = "fp32";
  std::string execution = "fused";
  bool channels_last = true;
  std::int64_t threads = 0;
  std::string processes;
  std::string json;
  std::string on_error = "fail";
  std::vector<std::string> predict;
  std::int64_t top = 5;
  std::string logits;
  std::string output;
  bool list_genotypes = false;
  std::string count;
  std::string config = "cifar10.yaml";
  std::vector<std::string> settings;
  std::int64_t image_size = 0;
  std::int64_t image_channels = 0;
  std::int64_t classes = 0;
};

/// The options given that have no effect in the mode that others ask for, with the reason, a line;
/// empty if there are none.
std::string idle_options(const CLI::App& app, const EvalArguments& arguments);

/// Declares the options that fill `arguments`, which must outlive `app`.
void declare(CLI::App& app, EvalArguments& arguments);

}  // namespace darts
