#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace darts {

/// Where the machine's memory is asked for.
struct MemoryPlaces {
  std::filesystem::path proc = "/proc";
  std::filesystem::path cgroup = "/sys/fs/cgroup";
};

/// All memory that this process could have if it were alone, bytes: the machine's with its swap, or
/// less, by the limits of its control group and those around it (both versions), or of its address
/// space (ulimit -v). Nothing where none of that can be read.
std::optional<std::uint64_t> machine_memory(const MemoryPlaces& places = {});

/// The same of a device: of a GPU its own memory.
std::optional<std::uint64_t> device_memory(const c10::Device& device);

}  // namespace darts
