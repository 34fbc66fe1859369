#pragma once

#include <darts/core/device.hpp>
#include <darts/core/field_table.hpp>
#include <darts/core/idle_settings.hpp>
#include <darts/parallel/batch_share.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts {

// The settings that every long run, search or training, has.

/// The machine that a run uses: the section `runtime` of its config.
struct RuntimeOptions {
  std::string device = "auto";
  Precision precision = Precision::fp32;
  bool channels_last = true;
  std::int64_t threads = 0;
  bool deterministic = true;
  bool tf32 = false;
  bool huge_pages = true;
  bool recompute = false;  ///< of searches alone
  bool cuda_graph = false;
};

/// How several processes work together: the section `parallel` of a config.
struct ParallelOptions {
  BatchNormStatistics batch_norm = BatchNormStatistics::sync;
  double timeout_seconds = 300.0;
};

/// The run directory and its checkpoints: the section `run` of a config.
struct RunOptions {
  std::filesystem::path root = "runs";
  std::filesystem::path directory = {};  ///< of a new run; empty: ROOT/NAME-DATE-TIME. No key.
  std::int64_t checkpoint_every_steps = 0;
  double checkpoint_every_minutes = 10.0;
  std::int64_t keep_checkpoints = 3;
  std::int64_t log_every_steps = 50;
};

/// Adds the keys `runtime.…`, `parallel.…` and `run.…` with ranges and help.
void add_runtime_fields(FieldTable& table, RuntimeOptions& options);
void add_parallel_fields(FieldTable& table, ParallelOptions& options);
void add_run_fields(FieldTable& table, RunOptions& options);

/// Which of the keys `runtime.…` are without effect on `device`, but for cuda_graph, of which a
/// run speaks by itself.
std::vector<IdleRule> idle_runtime_settings(const c10::Device& device);

/// Applies the options to the process (threads, memory, deterministic algorithms) and returns the
/// device. Ranks on one machine share its processors, and each takes the GPU of its number there.
/// Throws Error if it is not there.
c10::Device prepare_runtime(const RuntimeOptions& options, const Ranks& ranks);

}  // namespace darts
