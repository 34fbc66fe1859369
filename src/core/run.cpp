#include <darts/core/huge_page_memory.hpp>
#include <darts/core/run.hpp>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace darts {
namespace {

/// By full key, as text.
using ConfigValues = std::map<std::string, std::string>;

/// What a dumped config says: sections without indentation, their keys indented, a key a line.
ConfigValues values_of(const std::string& dump) {
  ConfigValues values;
  std::istringstream lines(dump);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t colon = line.find(':');
    if (begin == std::string::npos || line[begin] == '#' || colon == std::string::npos) {
      continue;
    }
    const std::string key = line.substr(begin, colon - begin);
    const std::string value = colon + 2 < line.size() ? line.substr(colon + 2) : "";
    if (begin > 0) {
      values[section + key] = value;
    } else if (value.empty()) {
      section = key + ".";
    } else {
      section.clear();
      values[key] = value;
    }
  }
  return values;
}

}  // namespace

void add_runtime_fields(FieldTable& t, RuntimeOptions& o) {
  t.section("runtime", "The machine.");
  t.add("runtime.device", o.device, "auto, cpu, cuda or cuda:N");
  t.add("runtime.precision", o.precision,
        "fp32, or bf16: a search that runs fused on a CPU stores bfloat16 and computes in fp32; "
        "otherwise autocast",
        one_of<Precision>({{"fp32", Precision::fp32}, {"bf16", Precision::bf16}}));
  t.add("runtime.channels_last", o.channels_last, "store images channels last; faster");
  t.add("runtime.threads", o.threads, "threads of the CPU's operations; 0: all cores", at_least(0));
  t.add("runtime.deterministic", o.deterministic,
        "only algorithms that give the same result each time; on a GPU also: cuDNN does not try "
        "which of its algorithms is fastest");
  t.add(
      "runtime.tf32", o.tf32,
      "on a GPU, with fp32: products and convolutions round their factors to 10 bits of mantissa; "
      "faster, and not fp32");
  t.add("runtime.cuda_graph", o.cuda_graph,
        "on a GPU: capture each kind of pass of a step once and launch it as a whole; a search's "
        "cells, a training's network");
  t.add("runtime.huge_pages", o.huge_pages,
        "keep the memory of large CPU tensors, in huge pages, from step to step; faster");
}

void add_run_fields(FieldTable& t, RunOptions& o) {
  t.section("run", "The run directory and its checkpoints.");
  t.add("run.root", o.root, "folder in which run directories are made");
  t.add("run.checkpoint_every_steps", o.checkpoint_every_steps,
        "also save a checkpoint every so many steps; 0: no", at_least(0));
  t.add("run.checkpoint_every_minutes", o.checkpoint_every_minutes,
        "also save a checkpoint every so many minutes; 0: no", at_least(0.0));
  t.add("run.keep_checkpoints", o.keep_checkpoints, "checkpoints kept, beside the best",
        at_least(1));
  t.add("run.log_every_steps", o.log_every_steps, "steps between records in metrics.jsonl",
        at_least(1));
}

c10::Device prepare_runtime(const RuntimeOptions& options) {
  if (options.huge_pages) {
    use_huge_page_memory();
  }
  set_threads(static_cast<int>(options.threads));
  set_deterministic(options.deterministic);
  set_tf32(options.tf32);
  return choose_device(options.device);
}

std::optional<Progress> RunHooks::progress(std::string label, std::int64_t total,
                                           std::int64_t first_step) const {
  if (!show_progress) {
    return std::nullopt;
  }
  ProgressOptions options;
  options.label = std::move(label);
  options.total = total;
  options.first_step = first_step;
  return std::optional<Progress>(std::in_place, std::move(options));
}

bool CheckpointSchedule::due(std::int64_t step) const {
  const auto every = options_.checkpoint_every_steps;
  const double minutes = options_.checkpoint_every_minutes;
  return (every > 0 && step % every == 0) ||
         (minutes > 0.0 &&
          Clock::now() - last_ > std::chrono::duration<double, std::ratio<60>>(minutes));
}

Error diverged(const std::string& what, std::int64_t epoch, std::int64_t step,
               const NonFiniteError& cause, const std::optional<std::filesystem::path>& latest) {
  return Error("the " + what + " diverged in epoch " + std::to_string(epoch + 1) + ", step " +
               std::to_string(step + 1) + ": " + cause.what() +
               "; last good checkpoint: " + (latest ? latest->string() : "none") +
               "; a lower learning rate or w.clip_norm may help");
}

void check_same_config(const std::string& now, const std::string& then, const std::string& defaults,
                       const std::string& file) {
  const ConfigValues now_values = values_of(now);
  const ConfigValues then_values = values_of(then);
  const ConfigValues default_values = values_of(defaults);
  const auto value = [&](const ConfigValues& values, const std::string& key) {
    const auto own = values.find(key);
    const auto other = default_values.find(key);
    return own != values.end()             ? own->second
           : other != default_values.end() ? other->second
                                           : std::string("not there");
  };
  ConfigValues keys = now_values;
  keys.insert(then_values.begin(), then_values.end());
  for (const auto& [key, ignored] : keys) {
    if (value(now_values, key) != value(then_values, key)) {
      throw Error("the config does not fit the checkpoint " + file + ": now " + key + ": " +
                  value(now_values, key) + ", then " + key + ": " + value(then_values, key) +
                  "; a run goes on only with its own config (--init-from starts a new run from its "
                  "weights)");
    }
  }
}

}  // namespace darts
