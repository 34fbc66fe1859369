#pragma once

#include <functional>

namespace darts {

/// The shortest time of `repetitions` calls, seconds.
double best_seconds(const std::function<void()>& work, int repetitions = 40);

/// What this machine does at most, with the threads that LibTorch has been given.
struct MachinePeaks {
  double flops = 0.0;  ///< float32 operations a second, in LibTorch's product of 1024² matrices
  double bytes = 0.0;  ///< a second, read and written, copying tensors too large for any cache
};

/// Takes a second or two.
MachinePeaks measure_peaks();

}  // namespace darts
