#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace darts {

/// Work on a GPU that is captured once, as a CUDA graph, and launched as a whole from then on: the
/// host's time for its thousands of kernels goes away.
///
/// The work reads and writes the same tensors at every launch; those that it makes are written anew
/// by the next launch, of this graph or of one that shares its memory. It must not wait for the
/// device, nor depend on numbers that the host draws. Elsewhere than on a GPU a launch runs the
/// work, so that whatever uses graphs can be tried on a CPU.
class DeviceGraph {
 public:
  /// Runs `work` a few times, until algorithms and memory have settled, and captures it. Graphs
  /// that never run at the same time can share memory: `shares` is another one or null.
  DeviceGraph(const c10::Device& device, std::function<void()> work,
              const DeviceGraph* shares = nullptr);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  /// In line with the other work of the device's current stream.
  void launch();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace darts
