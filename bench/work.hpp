#pragma once

#include "execution.hpp"

#include <functional>
#include <span>
#include <string_view>

namespace darts {

/// A network with the sizes that it is timed in.
struct TimedNetwork {
  std::string_view name;
  NetworkSize small;  ///< with cells of every kind; a step takes less than a second on a CPU
  NetworkSize paper;
};

/// What a work is made of, each a pass over all convolutions and linear layers of a network.
struct Passes {
  std::int64_t forward = 0;
  std::int64_t to_inputs = 0;   ///< backward to what the operations read
  std::int64_t to_weights = 0;  ///< backward to w
};

/// What can be timed: one row of works().
struct Work {
  std::string_view name;
  std::string_view help;
  const TimedNetwork* network;
  Passes passes;
  bool has_graph;  ///< runtime.cuda_graph changes how it is run
  /// Of a forward pass of one image.
  std::int64_t (*multiply_adds)(const NetworkSize&);
  /// Draws a network and images, and returns what is to be timed on them.
  std::function<void()> (*prepare)(const SubjectOptions&);
};

std::span<const TimedNetwork> timed_networks();
std::span<const Work> works();

/// Throws Error, which lists the names, for one that is not there.
const Work& find_work(std::string_view name);

/// Floating-point operations of a work: two for each multiply-add of its passes, where a pass
/// backward to inputs, or to weights, counts as many as the pass forward. That is so but for the
/// network's ends: nothing goes back to the images, nor to what no gradient is asked of. Batch
/// norms, pools and optimizers are not counted.
double operations_of(const Work& work, const NetworkSize& size);

}  // namespace darts
