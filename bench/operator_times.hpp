#pragma once

#include "machine_peaks.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace darts {

/// The calls of an operator, without those of the operators within it.
struct OperatorTime {
  std::string name;
  double seconds = 0.0;
  std::int64_t calls = 0;
  // Of a Phase, and of our operators without phases; else 0.
  std::int64_t multiply_adds = 0;
  std::int64_t bytes = 0;
};

/// Where the time of repeated work went.
struct Profile {
  std::int64_t repetitions = 0;
  double seconds = 0.0;                 ///< of all, by the clock on the wall
  std::vector<OperatorTime> operators;  ///< the longest first
};

/// Runs `work` so many times and times every operator in it, in whichever thread it runs. A Phase
/// (src/ops/phase.hpp) is an operator; of LibTorch's those of a kind are one. What is under no
/// operator has an entry of its own. One call at a time.
Profile profile(const std::function<void()>& work, std::int64_t repetitions);

/// A line for each of the `most` longest operators and one for the rest: its share of the time,
/// then, of one repetition, its time, its calls, and what it computed and moved against the peaks.
std::string describe(const Profile& profile, const MachinePeaks& peaks, std::size_t most);

}  // namespace darts
