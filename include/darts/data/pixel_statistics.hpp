#pragma once

#include <vector>

namespace darts {

/// Mean and standard deviation of every channel, of pixels scaled to [0, 1].
struct PixelStatistics {
  std::vector<double> mean;
  std::vector<double> stddev;
};

}  // namespace darts
