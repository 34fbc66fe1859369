#include "step_times.hpp"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>

namespace darts {
namespace {

std::vector<double> times_by_clock(const std::function<void()>& work, std::int64_t steps) {
  std::vector<double> times;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return times;
}

std::vector<double> times_by_events(const std::function<void()>& work, std::int64_t steps,
                                    const c10::Device& device) {
  const c10::Stream stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
  std::vector<c10::Event> marks;
  const auto mark = [&] {
    marks.emplace_back(device.type(), c10::EventFlag::BACKEND_DEFAULT).record(stream);
  };
  synchronize(device);
  mark();
  for (std::int64_t i = 0; i < steps; ++i) {
    work();
    mark();
  }
  synchronize(device);
  std::vector<double> times;
  for (std::size_t i = 1; i < marks.size(); ++i) {
    constexpr double seconds_of_a_millisecond = 1e-3;
    times.push_back(seconds_of_a_millisecond * marks[i - 1].elapsedTime(marks[i]));
  }
  return times;
}

}  // namespace

void synchronize(const c10::Device& device) {
  if (!device.is_cpu()) {
    c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
  }
}

std::vector<double> step_times(const std::function<void()>& work, std::int64_t steps,
                               const c10::Device& device) {
  return device.is_cpu() ? times_by_clock(work, steps) : times_by_events(work, steps, device);
}

double median(std::vector<double> values) {
  TORCH_CHECK(!values.empty(), "the median of nothing");
  std::ranges::sort(values);
  const std::size_t size = values.size();
  return (values[(size - 1) / 2] + values[size / 2]) / 2.0;
}

}  // namespace darts
