#include "device_trace.hpp"

#include "step_times.hpp"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <kineto/ActivityType.h>

#include <algorithm>
#include <optional>
#include <set>

namespace darts {
namespace {

namespace profiler = torch::autograd::profiler;

std::optional<DeviceActivity::Kind> kind_of(const profiler::KinetoEvent& event) {
  using libkineto::ActivityType;
  switch (static_cast<ActivityType>(event.activityType())) {
    case ActivityType::CONCURRENT_KERNEL:
      return DeviceActivity::Kind::kernel;
    case ActivityType::GPU_MEMCPY:
    case ActivityType::GPU_MEMSET:
      return DeviceActivity::Kind::copy;
    case ActivityType::CUDA_RUNTIME:
    case ActivityType::CUDA_DRIVER:
      return is_launch(event.name()) ? std::optional(DeviceActivity::Kind::launch) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<DeviceActivity> device_trace(const std::function<void()>& work, std::int64_t steps,
                                         const c10::Device& device) {
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  const std::set<profiler::ActivityType> activities{profiler::ActivityType::CUDA};
  profiler::prepareProfiler(config, activities);
  synchronize(device);
  profiler::enableProfiler(config, activities);
  for (std::int64_t i = 0; i < steps; ++i) {
    work();
  }
  synchronize(device);
  const auto result = profiler::disableProfiler();
  std::vector<DeviceActivity> trace;
  for (const profiler::KinetoEvent& event : result->events()) {
    if (const auto kind = kind_of(event)) {
      trace.push_back({*kind, static_cast<std::int64_t>(event.startNs()),
                       static_cast<std::int64_t>(event.durationNs()), event.name()});
    }
  }
  return trace;
}

bool is_launch(std::string_view call) {
  constexpr std::string_view parts[] = {"LaunchKernel", "LaunchCooperativeKernel", "GraphLaunch"};
  return std::ranges::any_of(
      parts, [call](std::string_view part) { return call.find(part) != std::string_view::npos; });
}

}  // namespace darts
