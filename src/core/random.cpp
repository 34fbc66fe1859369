#include <darts/core/random.hpp>

namespace darts {
namespace {

constexpr std::uint64_t golden_gamma = 0x9E3779B97F4A7C15ULL;

constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

/// Folds one more word into a key; a nested mix, so that (1, 2) and (2, 1) differ.
constexpr std::uint64_t fold(std::uint64_t key, std::uint64_t word) {
  return mix(key + golden_gamma + mix(word + golden_gamma));
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t epoch,
                           std::uint64_t index)
    : state_(fold(fold(fold(mix(seed), static_cast<std::uint64_t>(purpose)), epoch), index)) {}

RandomStream::result_type RandomStream::operator()() {
  state_ += golden_gamma;
  return mix(state_);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Values under `threshold` would make the first 2^64 mod bound remainders more frequent.
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t value = (*this)();
    if (value >= threshold) {
      return value % bound;
    }
  }
}

double RandomStream::uniform() { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }

}  // namespace darts
