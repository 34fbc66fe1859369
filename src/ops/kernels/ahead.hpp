#pragma once

#include <cstdint>

namespace darts::kernels {

/// Memory that the next call will read. It is fetched into the second-level cache a line at a time,
/// evenly between the arithmetic of this one: the processor does not find such streams by itself,
/// and a burst of many lines would hold up what reads the cache.
struct Ahead {
  const void* data = nullptr;
  std::int64_t bytes = 0;
};

}  // namespace darts::kernels
