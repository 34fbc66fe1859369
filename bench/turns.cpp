#include "turns.hpp"

#include "process.hpp"

#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using nlohmann::ordered_json;

std::string command_of(const Arguments& a, const std::string& child, int threads) {
  return "exec " + shell_quoted(a.program) + " --child " + child + " --device " + a.device.str() +
         " --threads " + std::to_string(threads);
}

/// A process beside which ranks are timed has as many threads as all of them.
int threads_of(const Arguments& a, bool on_ranks) {
  return a.processes > 0 && !on_ranks ? a.threads * a.processes : a.threads;
}

std::string command_of(const Arguments& a, const Result& r) {
  const bool on_ranks = subject_options(r.execution, r.size, a.device).on_ranks;
  return command_of(a, "result", threads_of(a, on_ranks)) +
         (on_ranks ? " --processes " + std::to_string(a.processes) : "") + " --work " + r.work +
         " --execution " + r.execution + " --channels " + std::to_string(r.size.channels) +
         " --cells " + std::to_string(r.size.cells) + " --batch " + std::to_string(r.size.batch) +
         " --steps " + std::to_string(a.steps) + (a.recompute ? " --recompute" : "");
}

/// Nothing, with the reason in `failed`, if they could not be measured.
std::optional<Ceilings> ceilings_by_process(const Arguments& a, std::string& failed) {
  if (a.device.is_cpu() && a.json.empty()) {
    return std::nullopt;
  }
  const ordered_json told = run_process(command_of(a, "ceilings", a.threads));
  failed = told.value("failed", "");
  return failed.empty() ? std::optional(ceilings_of(told.at("ceilings"))) : std::nullopt;
}

ordered_json about(const Arguments& a, const std::optional<Ceilings>& ceilings,
                   const std::string& ceilings_failed) {
  const ordered_json environment = describe_environment(a.device);
  ordered_json json{{"format", "darts-bench"},
                    {"version", 1},
                    {"device", environment.at("device")},
                    {"libtorch", environment.at("libtorch")},
                    {"git_revision", git_revision()},
                    {"environment", environment},
                    {"ceilings", nullptr}};
  if (ceilings) {
    json["ceilings"] = to_json(*ceilings);
  } else if (!ceilings_failed.empty()) {
    json["ceilings"] = {{"failed", ceilings_failed}};
  }
  return json;
}

}  // namespace

Turns::Turns(const Arguments& arguments)
    : arguments_(arguments),
      ceilings_(ceilings_by_process(arguments, ceilings_failed_)),
      report_(arguments.json, about(arguments, ceilings_, ceilings_failed_)) {}

void Turns::take(const std::string& work, const NetworkSize& size,
                 const std::function<void(const Result&, const Result&)>& on_end) {
  std::vector<Result*> results;
  for (const std::string& execution : arguments_.executions) {
    results.push_back(&report_.add(new_result(work, execution, size)));
  }
  for (std::int64_t round = 0; round < arguments_.rounds; ++round) {
    for (Result* const result : results) {
      measure(*result);
      report_.write();
      if (round + 1 == arguments_.rounds) {
        on_end(*result, *results.front());
      }
    }
  }
}

void Turns::check() const {
  if (!ceilings_failed_.empty()) {
    throw Error("the ceilings could not be measured: " + ceilings_failed_);
  }
  check_none_failed(report_);
}

Result Turns::new_result(const std::string& work, const std::string& execution,
                         const NetworkSize& size) {
  const Work& row = find_work(work);
  const SubjectOptions options = options_of(arguments_, execution, size);
  Result result;
  result.work = work;
  result.execution = execution;
  result.size = size;
  if (ceilings_) {
    const auto [found, is_new] = operations_.try_emplace({row.name, size.channels, size.cells});
    if (is_new) {
      found->second = operations_of(row, {size.channels, size.cells, 1});
    }
    result.operations = found->second * static_cast<double>(size.batch);
    result.ceiling = ceilings_->product(product_type(options));
  }
  if (options.cuda_graph && !row.has_graph) {
    result.skipped = "runtime.cuda_graph is not for this work";
  }
  return result;
}

void Turns::measure(Result& result) {
  if (!result.failed.empty() || !result.skipped.empty()) {
    return;
  }
  if (!out_of_time()) {
    result.add(run_process(command_of(arguments_, result)));
  } else if (result.seconds.empty()) {
    result.skipped = "not started: --max-seconds";
  }
}

bool Turns::out_of_time() const {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
  return arguments_.max_seconds && taken.count() > *arguments_.max_seconds;
}

}  // namespace darts
