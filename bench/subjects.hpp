#pragma once

#include <darts/cell/search_cell.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace darts {

struct NetworkSize {
  std::int64_t channels = 0;  ///< of the first cells
  std::int64_t cells = 0;
  std::int64_t batch = 0;  ///< images of 32×32×3
};

struct SubjectOptions {
  NetworkSize size;
  ExecutionOptions execution;  ///< of the evaluation network: without its recomputation
  bool channels_last = true;   ///< the images, and with them all that is computed of them
};

/// A network with the sizes that it is timed in.
struct TimedNetwork {
  std::string_view name;
  NetworkSize small;  ///< with cells of every kind; a step takes less than a second
  NetworkSize paper;
};

/// What can be timed: one row of works().
struct Work {
  std::string_view name;
  std::string_view help;
  const TimedNetwork* network;
  /// Draws a network and images, and returns what is to be timed on them.
  std::function<void()> (*prepare)(const SubjectOptions&);
};

std::span<const TimedNetwork> timed_networks();
std::span<const Work> works();

/// Throws Error, which lists the names, for one that is not there.
const Work& find_work(std::string_view name);

/// A network of `size` as `execution` says: "fused", "plain", … as `runtime.execution` has them,
/// with `runtime.precision` bf16 as "fused+bf16", without `runtime.channels_last` as "plain+nchw"
/// (the original's layout). Throws Error as the config does.
SubjectOptions subject_options(const std::string& execution, const NetworkSize& size);

}  // namespace darts
