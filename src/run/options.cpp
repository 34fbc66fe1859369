#include <darts/core/huge_page_memory.hpp>
#include <darts/core/processors.hpp>
#include <darts/run/options.hpp>

#include <algorithm>

namespace darts {
namespace {

/// Of this rank among those on its machine.
int own_threads(std::int64_t threads, const Ranks& ranks) {
  if (threads == 0 && ranks.local_size() > 1) {
    return std::max(1, usable_processors() / ranks.local_size());
  }
  return static_cast<int>(threads);
}

/// Where a launcher shows each rank one GPU alone, that is the first.
c10::Device own_device(const std::string& text, const Ranks& ranks) {
  const c10::Device device = choose_device(text);
  const bool any = device.is_cuda() && (text == "auto" || text == "cuda");
  if (!any || ranks.alone() || gpu_count() == 1) {
    return device;
  }
  return choose_device("cuda:" + std::to_string(ranks.local_rank()));
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
  t.add("runtime.threads", o.threads,
        "threads of the CPU's operations; 0: as many as may run at once (affinity, limits of "
        "control groups)",
        between(0, 1024));
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

void add_parallel_fields(FieldTable& t, ParallelOptions& o) {
  t.section("parallel", "Several processes (ranks) that work on one run.");
  t.add("parallel.batch_norm", o.batch_norm,
        "statistics of batch norms in training: of the whole batch (sync), which gives what one "
        "process gives, or of each rank's part of it (local), which is faster and another run",
        one_of<BatchNormStatistics>(
            {{"local", BatchNormStatistics::local}, {"sync", BatchNormStatistics::sync}}));
  t.add("parallel.timeout_seconds", o.timeout_seconds,
        "how long a rank waits for the others before the run ends", at_least(1.0));
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

std::vector<IdleRule> idle_runtime_settings(const c10::Device& device) {
  return {{{"runtime.tf32"}, !device.is_cuda(), "it is for GPUs; this run is on " + device.str()}};
}

c10::Device prepare_runtime(const RuntimeOptions& options, const Ranks& ranks) {
  if (options.huge_pages) {
    use_huge_page_memory();
  }
  set_threads(own_threads(options.threads, ranks));
  set_deterministic(options.deterministic);
  set_tf32(options.tf32);
  return own_device(options.device, ranks);
}

}  // namespace darts
