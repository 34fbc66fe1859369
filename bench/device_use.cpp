#include "device_use.hpp"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

namespace darts {
namespace {

constexpr double seconds_of_a_nanosecond = 1e-9;

std::vector<KernelUse> heaviest(const std::vector<DeviceActivity>& activities) {
  std::map<std::string, KernelUse> by_name;
  for (const DeviceActivity& a : activities) {
    if (a.kind == DeviceActivity::Kind::kernel) {
      KernelUse& kernel = by_name.try_emplace(a.name, KernelUse{a.name}).first->second;
      ++kernel.count;
      kernel.seconds += seconds_of_a_nanosecond * static_cast<double>(a.duration);
    }
  }
  std::vector<KernelUse> kernels;
  kernels.reserve(by_name.size());
  for (auto& [name, kernel] : by_name) {
    kernels.push_back(std::move(kernel));
  }
  std::ranges::sort(kernels, std::ranges::greater(), &KernelUse::seconds);
  constexpr std::size_t most = 12;
  kernels.resize(std::min(kernels.size(), most));
  return kernels;
}

}  // namespace

DeviceUse device_use(std::vector<DeviceActivity> activities) {
  std::ranges::sort(activities, {}, &DeviceActivity::start);
  DeviceUse use;
  use.heaviest = heaviest(activities);
  std::int64_t busy = 0;
  bool any = false;
  std::int64_t covered_to = 0;  // the end of what has been counted, once there was any
  for (const DeviceActivity& a : activities) {
    if (a.kind == DeviceActivity::Kind::launch) {
      ++use.launches;
      continue;
    }
    ++(a.kind == DeviceActivity::Kind::kernel ? use.kernels : use.copies);
    const std::int64_t end = a.start + a.duration;
    const std::int64_t from = any ? std::max(a.start, covered_to) : a.start;
    busy += std::max<std::int64_t>(end - from, 0);
    covered_to = any ? std::max(end, covered_to) : end;
    any = true;
  }
  use.busy_seconds = seconds_of_a_nanosecond * static_cast<double>(busy);
  return use;
}

DeviceUse per_step(const DeviceUse& use, std::int64_t steps) {
  TORCH_CHECK(steps > 0, "the use of one of ", steps, " steps");
  const auto share = [steps](std::int64_t count) { return (count + steps / 2) / steps; };
  DeviceUse one{share(use.kernels), share(use.copies), share(use.launches),
                use.busy_seconds / static_cast<double>(steps), use.heaviest};
  for (KernelUse& kernel : one.heaviest) {
    kernel.count = share(kernel.count);
    kernel.seconds /= static_cast<double>(steps);
  }
  return one;
}

double idle_share(const DeviceUse& use, double step_seconds) {
  TORCH_CHECK(step_seconds > 0.0, "a step of ", step_seconds, " seconds");
  return std::max(0.0, 1.0 - use.busy_seconds / step_seconds);
}

}  // namespace darts
