#include "child.hpp"

#include "ceilings.hpp"
#include "counting_ranks.hpp"
#include "device_trace.hpp"
#include "result.hpp"
#include "step_times.hpp"

#include <darts/core/device.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/parallel/connect.hpp>
#include <darts/parallel/launcher.hpp>

#include <c10/core/DeviceGuard.h>

#include <nlohmann/json.hpp>
#include <sys/prctl.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

namespace darts {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t traced_steps = 1;  // all steps start the same kernels

void tell(const ordered_json& what) {
  std::cout << what.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << std::endl;
}

void trace(const std::function<void()>& timed, const c10::Device& device) {
  const DeviceUse use = device_use(device_trace(timed, traced_steps, device));
  if (use.kernels == 0) {
    tell({{"not_traced", "CUPTI told of no kernels"}});
    return;
  }
  tell({{"use", to_json(per_step(use, traced_steps))}});
}

/// In a step, on average.
ordered_json per_step(const Exchanged& exchanged, std::int64_t steps) {
  const auto count = static_cast<double>(steps);
  return {{"sums", exchanged.sums / count},
          {"bytes", exchanged.bytes / count},
          {"seconds", exchanged.seconds / count}};
}

/// As the ranks of a run; the first one tells.
int measure_on_ranks(const Arguments& a) {
  const Work& work = find_work(a.works.at(0));
  const auto ranks = std::make_shared<CountingRanks>(connect(rank_place()));
  SubjectOptions options = options_of(a, a.executions.at(0), sizes_of(a, *work.network).at(0));
  options.ranks = ranks;
  const auto timed = prepare(work, options);
  ranks->barrier();
  ranks->exchanged = {};
  const std::vector<double> seconds = step_times(timed, a.steps, a.device);
  const ordered_json exchanged = per_step(ranks->exchanged, a.steps);
  if (ranks->is_first()) {
    tell({{"seconds", seconds},
          {"peak_bytes", peak_memory_bytes(a.device)},
          {"exchanged", exchanged}});
  }
  ranks->barrier();
  return 0;
}

int launch_ranks(const Arguments& a) {
  const StopSignals signals({});
  return launch({std::filesystem::read_symlink("/proc/self/exe"), a.command_line, a.processes},
                signals);
}

int measure(const Arguments& a) {
  if (a.processes > 0) {
    return rank_place().alone() ? launch_ranks(a) : measure_on_ranks(a);
  }
  const Work& work = find_work(a.works.at(0));
  const NetworkSize size = sizes_of(a, *work.network).at(0);
  const auto timed = prepare(work, options_of(a, a.executions.at(0), size));
  const std::vector<double> seconds = step_times(timed, a.steps, a.device);
  tell({{"seconds", seconds}, {"peak_bytes", peak_memory_bytes(a.device)}});
  if (!a.device.is_cpu()) {
    trace(timed, a.device);
  }
  return 0;
}

int tell_ceilings(const Arguments& a) {
  tell({{"environment", describe_environment(a.device)},
        {"ceilings", to_json(measure_ceilings(a.device))}});
  return 0;
}

}  // namespace

std::function<void()> prepare(const Work& work, const SubjectOptions& options) {
  if (!options.device.is_cpu()) {
    set_deterministic(options.deterministic);
    set_tf32(options.tf32);
  }
  auto timed = work.prepare(options);
  const int settling_steps = options.device.is_cpu() ? 1 : 3;
  for (int i = 0; i < settling_steps; ++i) {
    timed();
  }
  return timed;
}

int run_child(const Arguments& a) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a run that is killed leaves nothing on a GPU
  // Where a size is too large for the machine's memory, the kernel is to end this process.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  const c10::DeviceGuard guard(a.device);
  std::ostringstream errors;
  const int status = run_main(
      "darts_bench", [&] { return a.child == "ceilings" ? tell_ceilings(a) : measure(a); }, errors);
  if (status != 0) {
    constexpr std::string_view prefix = "error: ";
    std::string reason = errors.str();
    reason.erase(0, prefix.size());
    reason.resize(reason.find_last_not_of('\n') + 1);
    tell({{"failed", reason}});
  }
  return status;
}

}  // namespace darts
