#pragma once

#include <darts/data/pixel_statistics.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace darts {

/// One split of a data set, in memory as it is stored: raw pixels, in file order.
struct ImageSet {
  at::Tensor images;                      ///< uint8, N×H×W×C, contiguous, on the CPU
  at::Tensor labels;                      ///< int64, N, in [0, class_names.size())
  std::vector<std::string> class_names;   ///< the name of every label
  std::vector<double> mean;               ///< of a channel, pixels scaled to [0, 1]
  std::vector<double> stddev;             ///< of a channel, pixels scaled to [0, 1]
  bool by_class = false;                  ///< one class after the other: no part stands for all
  std::vector<std::uint8_t> broken = {};  ///< N: 1 for an image that cannot be read; empty: none
  bool leaves_out = false;                ///< whether broken ones, if there are any, are left out
  std::string names_checksum = {};        ///< of its files' names, where each image has one

  std::int64_t size() const { return images.size(0); }
  std::int64_t height() const { return images.size(1); }
  std::int64_t width() const { return images.size(2); }
  std::int64_t channels() const { return images.size(3); }
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names.size()); }
};

/// Collects PixelStatistics image by image, without rounding (it sums whole numbers): the result
/// does not depend on the order, nor on how the images are shared out among accumulators.
class PixelAccumulator {
 public:
  explicit PixelAccumulator(std::int64_t channels);

  /// Adds all pixels of `images`: uint8, contiguous, channels last (…×C).
  void add(const at::Tensor& images);

  /// Adds what another one has seen.
  void add(const PixelAccumulator& other);

  /// The statistics of what was added, at least one pixel. The standard deviation divides by the
  /// number of pixels; a channel without any variation gets 1, so that normalising stays possible.
  PixelStatistics statistics() const;

 private:
  std::uint64_t pixels_ = 0;
  std::vector<std::uint64_t> sum_;
  std::vector<std::uint64_t> sum_of_squares_;
};

}  // namespace darts
