#include <darts/core/huge_page_memory.hpp>
#include <darts/run/options.hpp>

namespace darts {

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

c10::Device prepare_runtime(const RuntimeOptions& options) {
  if (options.huge_pages) {
    use_huge_page_memory();
  }
  set_threads(static_cast<int>(options.threads));
  set_deterministic(options.deterministic);
  set_tf32(options.tf32);
  return choose_device(options.device);
}

}  // namespace darts
