#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// Something that a GPU did, or that the host asked it to do, in a trace.
struct DeviceActivity {
  enum class Kind {
    kernel,  ///< that ran on the GPU, alone or as part of a graph
    copy,    ///< on the GPU, or a filling of memory
    launch,  ///< the host's call that starts a kernel, or a whole graph
  };
  Kind kind = Kind::kernel;
  std::int64_t start = 0;     ///< nanoseconds
  std::int64_t duration = 0;  ///< nanoseconds
  std::string name = {};      ///< of a kernel
};

/// All runs of one kernel.
struct KernelUse {
  std::string name;
  std::int64_t count = 0;
  double seconds = 0.0;
};

/// How a GPU was used.
struct DeviceUse {
  std::int64_t kernels = 0;
  std::int64_t copies = 0;
  std::int64_t launches = 0;
  double busy_seconds = 0.0;             ///< with at least one kernel or copy running
  std::vector<KernelUse> heaviest = {};  ///< the kernels that take most of the time, at most 12
};

/// Of activities in any order; those that overlap, on several streams, count once as busy time.
DeviceUse device_use(std::vector<DeviceActivity> activities);

/// The use of one of `steps` equal steps: counts are rounded.
DeviceUse per_step(const DeviceUse& use, std::int64_t steps);

/// The share of a step in which the GPU stands idle, from 0 to 1. The busy time may come from
/// another step, a watched one, whose kernels can be slower: a negative share is 0.
double idle_share(const DeviceUse& use, double step_seconds);

}  // namespace darts
