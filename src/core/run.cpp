#include <darts/core/huge_page_memory.hpp>
#include <darts/core/run.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

namespace darts {

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
        "only algorithms that give the same result each time");
  t.add("runtime.execution", o.execution,
        "fused: several operations at once, by our own kernels (CPU, fp32); merged: a search "
        "cell's by LibTorch's, which is what fused means on a GPU; plain: one by one",
        one_of<Execution>({{"fused", Execution::fused},
                           {"merged", Execution::merged},
                           {"plain", Execution::plain}}));
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

void check_same_config(const std::string& now, const std::string& then, const std::string& file) {
  std::istringstream now_lines(now);
  std::istringstream then_lines(then);
  std::string section;
  std::string now_line;
  std::string then_line;
  while (std::getline(now_lines, now_line)) {
    std::getline(then_lines, then_line);
    if (!now_line.empty() && now_line.front() != ' ') {
      section = now_line.ends_with(':') ? now_line.substr(0, now_line.size() - 1) + "." : "";
    }
    if (now_line != then_line) {
      const auto trim = [](const std::string& line) {
        return line.substr(std::min(line.find_first_not_of(' '), line.size()));
      };
      throw Error("the config does not fit the checkpoint " + file + ": now " + section +
                  trim(now_line) + ", then " + trim(then_line) +
                  "; a run goes on only with its own config (--init-from starts a new run from its "
                  "weights)");
    }
  }
}

}  // namespace darts
