#include "execution.hpp"

#include <darts/core/error.hpp>
#include <darts/core/named_rows.hpp>
#include <darts/run/options.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_space.hpp>

#include <optional>
#include <sstream>

namespace darts {
namespace {

/// The member of a setting that is for GPUs; null for other words.
bool SubjectOptions::*gpu_setting(std::string_view word) {
  if (word == "graph") {
    return &SubjectOptions::cuda_graph;
  }
  if (word == "tf32") {
    return &SubjectOptions::tf32;
  }
  return word == "deterministic" ? &SubjectOptions::deterministic : nullptr;
}

/// Counted from 0; nothing for a word that is no stage.
std::optional<std::int64_t> stage_of(std::string_view word) {
  constexpr std::string_view prefix = "stage";
  const bool one_digit = word.size() == prefix.size() + 1 && word.starts_with(prefix);
  return one_digit && word.back() >= '1' && word.back() <= '9' ? std::optional(word.back() - '1')
                                                               : std::nullopt;
}

void check_stage(const SubjectOptions& options, const std::string& place) {
  const std::int64_t stages = make_method(options.method)->stages();
  if (options.stage >= stages) {
    throw Error(place + ": " + options.method + " has " + std::to_string(stages) +
                (stages == 1 ? " stage" : " stages"));
  }
}

}  // namespace

SubjectOptions subject_options(const std::string& execution, const NetworkSize& size,
                               const c10::Device& device) {
  const std::string place = "--execution " + execution;
  RuntimeOptions runtime;
  FieldTable table;
  add_runtime_fields(table, runtime);
  SubjectOptions options;
  add_execution_field(table, options.execution.execution);
  options.size = size;
  options.device = device;
  std::istringstream parts(execution);
  std::string part;
  std::getline(parts, part, '+');
  table.set("runtime.execution", part, place);
  while (std::getline(parts, part, '+')) {
    if (bool SubjectOptions::*setting = gpu_setting(part)) {
      if (device.is_cpu()) {
        throw Error(place + ": '" + part + "' is for GPUs; give --device cuda, or leave it out");
      }
      options.*setting = true;
    } else if (has_row(search_methods(), part)) {
      options.method = part;
    } else if (has_row(search_spaces(), part)) {
      options.space = part;
    } else if (const auto stage = stage_of(part)) {
      options.stage = *stage;
    } else if (part == "sync" || part == "local") {
      options.on_ranks = true;
      options.batch_norm = part == "sync" ? BatchNormStatistics::sync : BatchNormStatistics::local;
    } else if (part == "nchw") {
      options.channels_last = false;
    } else {
      table.set("runtime.precision", part, place);
    }
  }
  options.execution.precision = runtime.precision;
  check_stage(options, place);
  return options;
}

std::string_view product_type(const SubjectOptions& options) {
  if (options.execution.precision == Precision::bf16) {
    return "bf16";
  }
  return options.tf32 ? "tf32" : "fp32";
}

}  // namespace darts
