#include "execution.hpp"

#include <darts/core/error.hpp>
#include <darts/run/options.hpp>
#include <darts/search/search_methods.hpp>

#include <algorithm>
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

bool is_method(std::string_view word) {
  return std::ranges::any_of(search_methods(),
                             [&](const SearchMethodRow& row) { return row.name == word; });
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
    } else if (is_method(part)) {
      options.method = part;
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
  return options;
}

std::string_view product_type(const SubjectOptions& options) {
  if (options.execution.precision == Precision::bf16) {
    return "bf16";
  }
  return options.tf32 ? "tf32" : "fp32";
}

}  // namespace darts
