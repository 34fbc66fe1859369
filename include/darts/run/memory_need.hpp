#pragma once

#include <darts/core/device.hpp>

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace darts {

/// What something needs in memory at least, bytes, as estimated from its sizes before anything of
/// it is allocated.
struct MemoryNeed {
  std::string what = {};     ///< "the search"
  std::string lower = {};    ///< what to lower where memory does not suffice
  double weights = 0.0;      ///< with what an optimizer has of each
  double activations = 0.0;  ///< of the images of a step
  double modules = 0.0;      ///< the objects that hold the weights: the machine's, not the GPU's
  double images = 0.0;       ///< of a data set that is held in memory: the machine's, too
};

/// The images that are worked on at once.
struct BatchSizes {
  std::int64_t images = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// What a tensor of a module takes beside its values, bytes: LibTorch's objects that know its name,
/// place and gradient. Some 6000 are measured, the graph of a pass included.
inline constexpr double bytes_of_tensor = 2000.0;

/// Bytes of a value that is kept for a backward pass. Most, not all, are halved by bfloat16.
double bytes_of_activation(Precision precision);

/// Throws MemoryError unless the device, and the machine, have as much memory in all.
void check_memory(const MemoryNeed& need, const c10::Device& device);

/// "memory: at least 1.8 GiB (weights 22.1 MiB, activations 1.6 GiB, images 146.5 MiB); the machine
/// has 24.0 GiB"
std::string describe(const MemoryNeed& need, const c10::Device& device);

}  // namespace darts
