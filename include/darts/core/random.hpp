#pragma once

#include <cstdint>
#include <limits>

namespace darts {

/// What a stream of random numbers is for; streams of different purposes are independent.
enum class RandomPurpose : std::uint64_t {
  weights = 1,         ///< initial w
  alphas = 2,          ///< initial alpha
  train_order = 3,     ///< order of the training images in an epoch
  train_augment = 4,   ///< crop, flip, cutout of one training image
  search_order = 5,    ///< order of the held-out images that move alpha
  search_augment = 6,  ///< crop, flip, cutout of one held-out image
  split = 7,           ///< which images are held out, where a data set is split at random
  drop_path = 8,       ///< drop path of one training step
  mixup = 9,           ///< share and partners of one training step's mixup
  noise = 10,          ///< images of the operation `noise` in one step
  method = 11,         ///< what a search method draws in one step
  selection = 13,      ///< which edge or node a selection decides on next
  stage = 12,          ///< initial w of a search's later stages, and what is drawn between them
  curvature = 14,      ///< where the search for the largest eigenvalue begins, and its noise
};

/// A stream of random numbers that is a function of (seed, purpose, epoch, index) and of nothing
/// else: not of threads, not of what was drawn before. A run can so be resumed anywhere without
/// storing generator states.
///
/// SplitMix64 (Steele, Lea, Flood 2014) over a mixed key; satisfies
/// std::uniform_random_bit_generator. The helper functions are used instead of the standard
/// distributions, whose results depend on the standard library.
class RandomStream {
 public:
  using result_type = std::uint64_t;

  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t epoch = 0,
               std::uint64_t index = 0);

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  /// 64 uniform bits.
  result_type operator()();

  /// A whole number in [0, bound), without bias. `bound` is positive.
  std::uint64_t below(std::uint64_t bound);

  /// A number in [0, 1) with 53 random bits.
  double uniform();

 private:
  std::uint64_t state_;
};

}  // namespace darts
