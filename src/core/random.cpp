#include <darts/core/random.hpp>
#include <darts/core/split_mix.hpp>

namespace darts {
namespace {

/// Folds one more word into a key; a nested mix, so that (1, 2) and (2, 1) differ.
constexpr std::uint64_t fold(std::uint64_t key, std::uint64_t word) {
  return split_mix(key + split_mix_step + split_mix(word + split_mix_step));
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t epoch,
                           std::uint64_t index)
    : state_(fold(fold(fold(split_mix(seed), static_cast<std::uint64_t>(purpose)), epoch), index)) {
}

RandomStream::result_type RandomStream::operator()() {
  state_ += split_mix_step;
  return split_mix(state_);
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
