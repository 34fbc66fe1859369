#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace darts {

/// Waits until a GPU has done all that was asked of it; nothing on a CPU.
void synchronize(const c10::Device& device);

/// Seconds of each of `steps` calls of `work`, one after the other. On a GPU the time between two
/// events on its current stream, with no wait for it in between: where `work` itself does not wait,
/// the host is ahead, as in a run.
std::vector<double> step_times(const std::function<void()>& work, std::int64_t steps,
                               const c10::Device& device);

/// Of a list that is not empty; of an even number the mean of the two in the middle.
double median(std::vector<double> values);

}  // namespace darts
