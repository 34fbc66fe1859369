#pragma once

#include <cstdint>
#include <functional>

namespace darts::testing {

/// What LibTorch's profiler hooks see of some work on the CPU.
struct OperatorCount {
  /// Operators that run no others and compute something, views and fresh memory left out: on a GPU
  /// each would be at least a kernel launch.
  std::int64_t launches = 0;
  std::int64_t peak_bytes = 0;  ///< of tensors' memory, beyond what was there before
};

/// Runs `work`, with its backward passes, and counts.
OperatorCount count_operators(const std::function<void()>& work);

}  // namespace darts::testing
