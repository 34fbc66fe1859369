#include "operator_times.hpp"

#include <torch/csrc/autograd/profiler_legacy.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <vector>

namespace darts {
namespace {

using torch::autograd::profiler::EventKind;
using torch::autograd::profiler::LegacyEvent;

struct Total {
  double milliseconds = 0.0;
  std::int64_t calls = 0;
};

using Totals = std::map<std::string, Total>;

/// An operator that has begun, and the time of those that ran within it.
struct Open {
  const LegacyEvent* begin = nullptr;
  double within = 0.0;
};

/// The engine's wrapper of a node is the node to a reader.
std::string name_of(const LegacyEvent& event) {
  const std::string name = event.name();
  const std::string wrapper = "autograd::engine::evaluate_function: ";
  return name.starts_with(wrapper) ? name.substr(wrapper.size()) : name;
}

void add(const std::vector<LegacyEvent>& thread, Totals& totals) {
  std::vector<Open> open;
  for (const LegacyEvent& event : thread) {
    if (event.kind() == EventKind::PushRange) {
      open.push_back({&event, 0.0});
    } else if (event.kind() == EventKind::PopRange && !open.empty()) {
      const Open last = open.back();
      open.pop_back();
      const double elapsed = last.begin->cpuElapsedUs(event) / 1000.0;
      Total& total = totals[name_of(*last.begin)];
      total.milliseconds += elapsed - last.within;
      ++total.calls;
      if (!open.empty()) {
        open.back().within += elapsed;
      }
    }
  }
}

std::string line(const std::string& name, const Total& total, double whole) {
  char numbers[64];
  std::snprintf(numbers, sizeof(numbers), "%5.1f %% %9.1f ms %6lld ×  ",
                100.0 * total.milliseconds / whole, total.milliseconds,
                static_cast<long long>(total.calls));
  return numbers + name + "\n";
}

}  // namespace

std::string operator_times(const std::function<void()>& work, std::size_t most) {
  namespace profiler = torch::autograd::profiler;
  using Clock = std::chrono::steady_clock;
  profiler::enableProfilerLegacy(
      torch::profiler::impl::ProfilerConfig(torch::profiler::impl::ProfilerState::CPU));
  const auto start = Clock::now();
  work();
  const std::chrono::duration<double, std::milli> elapsed = Clock::now() - start;
  Totals totals;
  for (const auto& thread : profiler::disableProfilerLegacy()) {
    add(thread, totals);
  }
  double rest = elapsed.count();
  std::vector<std::pair<std::string, Total>> sorted(totals.begin(), totals.end());
  for (const auto& [name, total] : sorted) {
    rest -= total.milliseconds;
  }
  sorted.emplace_back("(outside of LibTorch's operators)", Total{rest, 1});
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.milliseconds > b.second.milliseconds;
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
    text += line(sorted[i].first, sorted[i].second, elapsed.count());
  }
  return text;
}

}  // namespace darts
