#include "device_use.hpp"

#include <c10/util/Exception.h>

#include <algorithm>

namespace darts {

DeviceUse device_use(std::vector<DeviceActivity> activities) {
  std::ranges::sort(activities, {}, &DeviceActivity::start);
  DeviceUse use;
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
  constexpr double seconds_of_a_nanosecond = 1e-9;
  use.busy_seconds = seconds_of_a_nanosecond * static_cast<double>(busy);
  return use;
}

DeviceUse per_step(const DeviceUse& use, std::int64_t steps) {
  TORCH_CHECK(steps > 0, "the use of one of ", steps, " steps");
  const auto share = [steps](std::int64_t count) { return (count + steps / 2) / steps; };
  return {share(use.kernels), share(use.copies), share(use.launches),
          use.busy_seconds / static_cast<double>(steps)};
}

double idle_share(const DeviceUse& use, double step_seconds) {
  TORCH_CHECK(step_seconds > 0.0, "a step of ", step_seconds, " seconds");
  return std::max(0.0, 1.0 - use.busy_seconds / step_seconds);
}

}  // namespace darts
