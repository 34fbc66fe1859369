#pragma once

#include <functional>
#include <string>

namespace darts {

/// Runs `work` under LibTorch's profiler and says which operators took the time: a line for each of
/// the `most` largest, with its share of the whole, its milliseconds without those of the operators
/// within it, and its calls. What is not under any operator (our own kernels' forward passes, say)
/// has a line of its own.
std::string operator_times(const std::function<void()>& work, std::size_t most);

}  // namespace darts
