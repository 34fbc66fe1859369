#pragma once

#include "picture.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace darts::detail {

/// How one dimension of an image is resized: the pixels [begin, end) of it, fractions of pixels
/// included, become `size` pixels, of which `count` from `first` on are wanted.
struct ResampledAxis {
  double begin = 0.0;
  double end = 0.0;
  std::int64_t size = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool mirrored = false;  ///< the wanted pixels in reverse order
};

/// Which input pixels make each of the wanted output pixels, and with what weights: bilinear, the
/// filter widened when shrinking, as Pillow does it. Pixels outside [⌊begin⌋, ⌈end⌉) never count.
///
/// The coefficients are Pillow's to the bit, in fixed point with 22 bits behind the point, so that
/// images resized with them equal Pillow's.
class ResampleWeights {
 public:
  static constexpr int fraction_bits = 22;

  explicit ResampleWeights(const ResampledAxis& axis);

  std::int64_t outputs() const { return static_cast<std::int64_t>(first_.size()); }
  std::int64_t taps() const { return taps_; }  ///< weights of each output pixel, 0 where too many

  /// The first input pixel that output pixel `i` is made of; taps() pixels from there on may be
  /// read, all inside [begin(), end()).
  std::int64_t first(std::int64_t i) const { return first_[static_cast<std::size_t>(i)]; }
  const std::int32_t* weights(std::int64_t i) const { return weights_.data() + i * taps_; }

  // All input pixels that count.
  std::int64_t begin() const { return begin_; }
  std::int64_t end() const { return end_; }

 private:
  void set_weights(std::int64_t place, std::int64_t first, std::span<const double> exact);

  std::int64_t taps_ = 0;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  std::int64_t limit_ = 0;  // one past the last pixel there is
  std::vector<std::int64_t> first_;
  std::vector<std::int32_t> weights_;  // outputs × taps
};

/// The red, green and blue values of an image, one plane after the other: uint8, 3×H×W.
struct Planes {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> values;

  std::int64_t pixels() const { return height * width; }
  std::uint8_t* plane(std::int64_t channel) { return values.data() + channel * pixels(); }
  const std::uint8_t* plane(std::int64_t channel) const {
    return values.data() + channel * pixels();
  }
};

/// Resizes: along the rows first, rounded to uint8, then along the columns. `picture` has to
/// contain the rows [rows.begin(), rows.end()) and the columns likewise.
Planes resample(const Picture& picture, const ResampleWeights& rows,
                const ResampleWeights& columns);

}  // namespace darts::detail
