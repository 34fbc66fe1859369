#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace darts {

/// Moves `average`, a clone of `network`, one step of the exponential moving average:
///
///     average ← d · average + (1 − d) · value,   d = min(decay, (1 + updates) / (10 + updates))
///
/// for parameters and running statistics; counters are copied. `updates` is how often it has moved
/// before: the smaller factor at first forgets the random start sooner.
void update_average(torch::nn::Module& average, const torch::nn::Module& network, double decay,
                    std::int64_t updates);

}  // namespace darts
