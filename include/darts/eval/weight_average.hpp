#pragma once

#include <darts/core/flat_tensors.hpp>

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

namespace darts {

/// The exponential moving average of a network's parameters and running statistics, in another
/// network of the same kind.
class WeightAverage {
 public:
  /// The tensors of both live together from now on (FlatTensors). `average` is a clone of
  /// `network`.
  WeightAverage(const torch::nn::Module& average, const torch::nn::Module& network);

  /// One step:
  ///
  ///     average ← d · average + (1 − d) · value,   d = min(decay, (1 + updates) / (10 + updates))
  ///
  /// Counters are copied. `updates` is how often it has moved before: the smaller factor at first
  /// forgets the random start sooner.
  void update(double decay, std::int64_t updates) const;

 private:
  std::vector<FlatTensors> averages_;
  std::vector<FlatTensors> values_;
};

}  // namespace darts
