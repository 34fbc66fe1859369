#include <darts/data/image_set.hpp>

#include <c10/util/Exception.h>

#include <cmath>

namespace darts {

PixelAccumulator::PixelAccumulator(std::int64_t channels)
    : sum_(static_cast<std::size_t>(channels)), sum_of_squares_(sum_.size()) {}

void PixelAccumulator::add(const at::Tensor& images) {
  const std::size_t channels = sum_.size();
  TORCH_CHECK(images.scalar_type() == at::kByte && images.is_contiguous() &&
                  images.size(-1) == static_cast<std::int64_t>(channels),
              "PixelAccumulator: expected contiguous uint8 images with ", channels,
              " channels last, got ", images.scalar_type(), " ", images.sizes());
  const auto* value = images.const_data_ptr<std::uint8_t>();
  const auto pixels = static_cast<std::uint64_t>(images.numel()) / channels;
  for (std::uint64_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < channels; ++c, ++value) {
      const std::uint64_t v = *value;
      sum_[c] += v;
      sum_of_squares_[c] += v * v;
    }
  }
  pixels_ += pixels;
}

void PixelAccumulator::add(const PixelAccumulator& other) {
  for (std::size_t c = 0; c < sum_.size(); ++c) {
    sum_[c] += other.sum_.at(c);
    sum_of_squares_[c] += other.sum_of_squares_[c];
  }
  pixels_ += other.pixels_;
}

PixelStatistics PixelAccumulator::statistics() const {
  TORCH_CHECK(pixels_ > 0, "PixelAccumulator: no pixel was added");
  PixelStatistics result;
  const auto n = static_cast<double>(pixels_);
  for (std::size_t c = 0; c < sum_.size(); ++c) {
    const double mean = static_cast<double>(sum_[c]) / n;
    const double variance = static_cast<double>(sum_of_squares_[c]) / n - mean * mean;
    // A constant channel's variance is not quite 0 in double precision: up to 65025 · 2^-52.
    const bool varies = variance > 1e-9;
    result.mean.push_back(mean / 255.0);
    result.stddev.push_back(varies ? std::sqrt(variance) / 255.0 : 1.0);
  }
  return result;
}

}  // namespace darts
