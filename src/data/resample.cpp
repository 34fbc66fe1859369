#include "resample.hpp"

#include "vector_clones.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

namespace darts::detail {
namespace {

constexpr std::int32_t half = 1 << (ResampleWeights::fraction_bits - 1);

/// The weights are not negative and sum up to 1 nearly: no value is below 0.
inline std::uint8_t rounded(std::int32_t fixed) {
  return static_cast<std::uint8_t>(
      std::min<std::int32_t>(fixed >> ResampleWeights::fraction_bits, 255));
}

// Rows are resized some at a time, the pixels of a column side by side, so that vectors run over
// rows and every pixel in them has the same weight.
constexpr std::int64_t strip_rows = 16;
constexpr std::int64_t strip_bytes = strip_rows * Picture::pixel_bytes;  // of a column

/// Rows of columns [begin, end) → columns; `rows` of them, the rest of the strip stays as it is.
void rows_to_strip(const Picture& picture, std::int64_t top, std::int64_t rows,
                   const ResampleWeights& columns, std::uint8_t* strip) {
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::int64_t skipped = columns.begin() - picture.box().left;
    const std::uint8_t* in = picture.row(top + y) + skipped * Picture::pixel_bytes;
    std::uint8_t* out = strip + y * Picture::pixel_bytes;
    for (std::int64_t x = columns.begin(); x < columns.end(); ++x) {
      std::memcpy(out, in, Picture::pixel_bytes);
      in += Picture::pixel_bytes;
      out += strip_bytes;
    }
  }
}

DARTS_VECTOR_CLONES void resample_strip(const std::uint8_t* __restrict strip,
                                        const ResampleWeights& columns,
                                        std::uint8_t* __restrict out) {
  const std::int64_t outputs = columns.outputs();
  const std::int64_t taps = columns.taps();
  for (std::int64_t x = 0; x < outputs; ++x, out += strip_bytes) {
    const std::uint8_t* in = strip + (columns.first(x) - columns.begin()) * strip_bytes;
    const std::int32_t* weight = columns.weights(x);
    std::int32_t sums[strip_bytes];
    std::fill_n(sums, strip_bytes, half);
    for (std::int64_t tap = 0; tap < taps; ++tap, in += strip_bytes) {
      for (std::int64_t i = 0; i < strip_bytes; ++i) {
        sums[i] += in[i] * weight[tap];
      }
    }
    for (std::int64_t i = 0; i < strip_bytes; ++i) {
      out[i] = rounded(sums[i]);
    }
  }
}

void strip_to_rows(const std::uint8_t* strip, std::int64_t top, std::int64_t rows,
                   Picture& picture) {
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::uint8_t* in = strip + y * Picture::pixel_bytes;
    std::uint8_t* out = picture.row(top + y);
    for (std::int64_t x = 0; x < picture.box().width; ++x) {
      std::memcpy(out, in, Picture::pixel_bytes);
      in += strip_bytes;
      out += Picture::pixel_bytes;
    }
  }
}

/// The rows [top, bottom), resized along the rows.
Picture resample_columns(const Picture& picture, std::int64_t top, std::int64_t bottom,
                         const ResampleWeights& columns) {
  Picture result({.top = top, .left = 0, .height = bottom - top, .width = columns.outputs()});
  std::vector<std::uint8_t> in(
      static_cast<std::size_t>((columns.end() - columns.begin()) * strip_bytes));
  std::vector<std::uint8_t> out(static_cast<std::size_t>(columns.outputs() * strip_bytes));
  for (std::int64_t y = top; y < bottom; y += strip_rows) {
    const std::int64_t rows = std::min(strip_rows, bottom - y);
    rows_to_strip(picture, y, rows, columns, in.data());
    resample_strip(in.data(), columns, out.data());
    strip_to_rows(out.data(), y, rows, result);
  }
  return result;
}

/// Sums up `taps` rows of `count` values, `stride` apart. `sums` is scratch.
DARTS_VECTOR_CLONES void sum_rows(const std::uint8_t* in, std::int64_t stride,
                                  std::span<const std::int32_t> weights,
                                  std::span<std::int32_t> sums) {
  std::fill(sums.begin(), sums.end(), half);
  for (const std::int32_t weight : weights) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] += in[i] * weight;
    }
    in += stride;
  }
}

/// Four values a pixel → three planes.
DARTS_VECTOR_CLONES void split_row(std::span<const std::int32_t> sums, std::uint8_t* red,
                                   std::uint8_t* green, std::uint8_t* blue) {
  for (std::size_t x = 0; x < sums.size() / 4; ++x) {
    red[x] = rounded(sums[4 * x]);
    green[x] = rounded(sums[4 * x + 1]);
    blue[x] = rounded(sums[4 * x + 2]);
  }
}

constexpr double half_pixel = 0.5;

/// To the nearest pixel, not below the first one.
std::int64_t nearest_pixel(double place) {
  return std::max<std::int64_t>(static_cast<std::int64_t>(place + half_pixel), 0);
}

/// The weights of the pixels from `begin` on for an output pixel at `centre`.
void triangle(std::int64_t begin, double centre, double widening, std::span<double> weights) {
  const double narrowing = 1.0 / widening;
  double sum = 0.0;
  auto place = static_cast<double>(begin);
  for (double& weight : weights) {
    weight = std::max(1.0 - std::abs((place - centre + half_pixel) * narrowing), 0.0);
    sum += weight;
    place += 1.0;
  }
  for (double& weight : weights) {
    weight /= sum;
  }
}

}  // namespace

ResampleWeights::ResampleWeights(const ResampledAxis& axis) {
  // Relative to the first pixel, as Pillow sees an image that was cropped before.
  const double origin = std::floor(axis.begin);
  const auto offset = static_cast<std::int64_t>(origin);
  limit_ = static_cast<std::int64_t>(std::ceil(axis.end));
  const double step = (axis.end - axis.begin) / static_cast<double>(axis.size);
  const double widening = std::max(step, 1.0);
  // The most pixels whose centres lie in an interval of twice the widening.
  taps_ = std::min(static_cast<std::int64_t>(std::floor(2 * widening)) + 1, limit_ - offset);
  begin_ = limit_;
  end_ = offset;
  first_.resize(static_cast<std::size_t>(axis.count));
  weights_.resize(first_.size() * static_cast<std::size_t>(taps_));
  std::vector<double> exact;
  for (std::int64_t i = 0; i < axis.count; ++i) {
    const double output = static_cast<double>(axis.first + i) + half_pixel;
    const double centre = (axis.begin - origin) + output * step;
    const std::int64_t begin = nearest_pixel(centre - widening);
    const std::int64_t end = std::min(nearest_pixel(centre + widening), limit_ - offset);
    exact.resize(static_cast<std::size_t>(end - begin));
    triangle(begin, centre, widening, exact);
    set_weights(axis.mirrored ? axis.count - 1 - i : i, offset + begin, exact);
  }
}

void ResampleWeights::set_weights(std::int64_t place, std::int64_t first,
                                  std::span<const double> exact) {
  // At the far end taps() pixels would reach over the border: there the weights move instead.
  const std::int64_t moved = std::min(first, limit_ - taps_);
  first_[static_cast<std::size_t>(place)] = moved;
  std::int32_t* weight = weights_.data() + place * taps_ + (first - moved);
  for (const double value : exact) {
    *weight++ = static_cast<std::int32_t>(half_pixel + value * (1 << fraction_bits));
  }
  begin_ = std::min(begin_, moved);
  end_ = std::max(end_, moved + taps_);
}

Planes resample(const Picture& picture, const ResampleWeights& rows,
                const ResampleWeights& columns) {
  const std::int64_t width = columns.outputs();
  const Picture narrow = resample_columns(picture, rows.begin(), rows.end(), columns);
  Planes planes{.height = rows.outputs(), .width = width, .values = {}};
  planes.values.resize(static_cast<std::size_t>(3 * planes.pixels()));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(narrow.row_bytes()));
  for (std::int64_t y = 0; y < planes.height; ++y) {
    sum_rows(narrow.row(rows.first(y)), narrow.row_bytes(),
             {rows.weights(y), static_cast<std::size_t>(rows.taps())}, sums);
    const std::int64_t at = y * width;
    split_row(sums, planes.plane(0) + at, planes.plane(1) + at, planes.plane(2) + at);
  }
  return planes;
}

}  // namespace darts::detail
