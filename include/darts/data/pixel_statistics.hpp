#pragma once

#include <vector>

namespace darts {

/// Mean and standard deviation of every channel, of pixels scaled to [0, 1].
struct PixelStatistics {
  std::vector<double> mean;
  std::vector<double> stddev;
};

/// Throws Error unless images can be normalised with them: all finite, deviations above 0.
void check_statistics(const PixelStatistics& statistics);

}  // namespace darts
