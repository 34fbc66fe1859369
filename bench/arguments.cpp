#include "arguments.hpp"

#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/search/search_methods.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>

namespace darts {
namespace {

constexpr int most = 10000;

std::string works_help() {
  std::string help = "what is timed:";
  for (const Work& work : works()) {
    help += " " + std::string(work.name) + " (" + std::string(work.help) + ")";
  }
  return help;
}

void declare_subjects(CLI::App& app, Arguments& a) {
  app.add_option("--device", a.device_name, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--work", a.works, works_help());
  app.add_option(
      "--execution", a.executions,
      "values of runtime.execution; behind them, each after a \"+\": \"bf16\" for that "
      "runtime.precision, \"nchw\" for the original's layout of images, a search method and "
      "one of its stages (\"p-darts+stage2\"), a search space (\"s1\"), and on a GPU "
      "\"graph\" for runtime.cuda_graph, \"tf32\", and \"deterministic\" (else cuDNN "
      "tries its algorithms); taken in turns, ratios are to the first");
  app.add_option("--method", a.methods,
                 "search methods, timed beside DARTS in the fused execution (short for --execution "
                 "fused fused+METHOD …)");
  app.add_option("--processes", a.processes,
                 "steps of so many ranks, with --threads each, beside those of one process with as "
                 "many threads as all of them (short for --execution fused fused+local fused+sync)")
      ->check(CLI::Range(2, 1024));
  app.add_flag("--paper", a.paper, "the paper's sizes; else small ones");
  app.add_option("--channels", a.channels, "of the first cells, in place of the size's");
  app.add_option("--cells", a.cells, "in place of the size's");
  app.add_option("--batch", a.batches, "images, in place of the size's; one or several")
      ->check(CLI::Range(1, 1 << 20));
  app.add_flag("--recompute", a.recompute, "with the fused execution's recomputation");
}

void declare_measuring(CLI::App& app, Arguments& a) {
  app.add_option("--rounds", a.rounds, "turns of each (3; on a GPU 1)")->check(CLI::Range(1, most));
  app.add_option("--steps", a.steps,
                 "timed steps in a turn (2, after one that is not; on a GPU 10, after three)")
      ->check(CLI::Range(1, most));
  app.add_option("--threads", a.threads, "0: as many as may run at once")
      ->check(CLI::Range(0, most));
  app.add_option("--max-seconds", a.max_seconds, "start no measurement after so long")
      ->check(CLI::Range(0.0, 1e9));
  app.add_option("--json", a.json, "write every figure to this file, anew after every measurement");
}

}  // namespace

void declare(CLI::App& app, Arguments& a) {
  declare_subjects(app, a);
  declare_measuring(app, a);
  auto* const profile = app.add_flag(
      "--profile", a.profile,
      "say where a CPU's time goes instead: by operator, against the machine's peaks; of the "
      "fused execution unless --execution says otherwise");
  auto* const scaling =
      app.add_flag("--scaling", a.scaling,
                   "batch, channels and cells one after the other varied from the paper's size; "
                   "of a first-order step unless --work says otherwise")
          ->excludes(profile);
  app.add_option("--axis", a.axes, "with --scaling: only these")
      ->check(CLI::IsMember({"batch", "channels", "cells"}))
      ->needs(scaling);
  app.add_option("--child", a.child)->group("");
}

namespace {

/// Steps of DARTS and of the methods in turns.
void take_methods(Arguments& a, bool gpu) {
  if (!a.executions.empty()) {
    throw Error(
        "--method says what is run; leave --execution out, or write it as --execution "
        "fused+METHOD");
  }
  const std::string execution = gpu ? "merged" : "fused";
  a.executions = {execution};
  for (const std::string& method : a.methods) {
    find_method(method);
    if (method != "darts") {
      a.executions.push_back(execution + "+" + method);
    }
  }
  if (a.works.empty()) {
    a.works = {"first"};
  }
}

}  // namespace

/// Steps of one process and of several ranks in turns.
void take_ranks(Arguments& a, bool gpu) {
  const std::string execution = gpu ? "merged" : "fused";
  if (a.executions.empty()) {
    a.executions = {execution, execution + "+local", execution + "+sync"};
  }
  if (a.works.empty()) {
    a.works = {"first", "second", "evaluation"};
  }
}

void complete(Arguments& a) {
  a.device = choose_device(a.device_name);
  const bool gpu = !a.device.is_cpu();
  if (a.profile && gpu) {
    throw Error("--profile times operators on the host, which says nothing of a GPU; leave it out");
  }
  if (a.scaling && a.batches.size() > 1) {
    throw Error("--scaling varies one size; give one --batch");
  }
  if (a.profile && (a.batches.size() > 1 || !a.json.empty())) {
    throw Error("--profile is for one --batch, and writes no --json");
  }
  const auto set_default = [](auto& value, auto otherwise) {
    value = value == decltype(otherwise){} ? otherwise : value;
  };
  using Names = std::vector<std::string>;
  set_default(a.rounds, std::int64_t{gpu ? 1 : 3});
  set_default(a.steps, std::int64_t{gpu ? 10 : 2});
  if (!a.methods.empty()) {
    take_methods(a, gpu);
  }
  if (a.processes > 0 && a.child.empty()) {
    take_ranks(a, gpu);
  }
  set_default(a.works,
              a.scaling ? Names{"first"}
                        : Names{"first", "second", "forward", "alpha", "w", "evaluation", "test"});
  set_default(a.executions, a.profile ? Names{"fused"}
                            : gpu     ? Names{"plain", "merged", "merged+graph"}
                                      : Names{"plain", "fused"});
  std::ranges::for_each(a.works, find_work);
  for (const std::string& execution : a.executions) {
    if (subject_options(execution, {}, a.device).on_ranks && a.processes == 0 && a.child.empty()) {
      throw Error("--execution " + execution + " is of several ranks: give --processes N");
    }
  }
}

std::vector<NetworkSize> sizes_of(const Arguments& a, const TimedNetwork& network) {
  const NetworkSize size = a.paper || a.scaling ? network.paper : network.small;
  const std::vector<std::int64_t> own{size.batch};
  std::vector<NetworkSize> sizes;
  for (const std::int64_t batch : a.batches.empty() ? own : a.batches) {
    sizes.push_back({a.channels.value_or(size.channels), a.cells.value_or(size.cells), batch});
  }
  return sizes;
}

SubjectOptions options_of(const Arguments& a, const std::string& execution,
                          const NetworkSize& size) {
  SubjectOptions options = subject_options(execution, size, a.device);
  options.execution.recompute = a.recompute;
  return options;
}

}  // namespace darts
