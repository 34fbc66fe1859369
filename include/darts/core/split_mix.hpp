#pragma once

#include <cstdint>

namespace darts {

// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): word i
// of a stream is a function of its key and of i, so that a stream can be entered anywhere.

/// From one state of a stream to the next.
inline constexpr std::uint64_t split_mix_step = 0x9E3779B97F4A7C15ULL;

/// The word of a state.
constexpr std::uint64_t split_mix(std::uint64_t state) {
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBULL;
  return state ^ (state >> 31U);
}

/// Word `i`, from 0, of the stream whose key is `key`.
constexpr std::uint64_t split_mix_word(std::uint64_t key, std::uint64_t i) {
  return split_mix(key + (i + 1) * split_mix_step);
}

}  // namespace darts
