#include <darts/core/error.hpp>
#include <darts/data/augmentation.hpp>

#include <c10/util/Exception.h>

#include <algorithm>

namespace darts {
namespace {

constexpr std::size_t raw_values = 256;

/// Pixels of one row through the tables of their channels; `step` is −C where the row is mirrored.
/// A constant number of channels lets the compiler keep the tables in registers.
template <int channels>
void look_up(const std::uint8_t* in, std::ptrdiff_t step, const float* tables, std::int64_t pixels,
             float* out) {
  for (std::int64_t x = 0; x < pixels; ++x, in += step, out += channels) {
    for (int c = 0; c < channels; ++c) {
      out[c] = tables[static_cast<std::size_t>(c) * raw_values + in[c]];
    }
  }
}

void look_up_any(const std::uint8_t* in, std::ptrdiff_t step, const float* tables,
                 std::int64_t pixels, std::int64_t channels, float* out) {
  for (std::int64_t x = 0; x < pixels; ++x, in += step, out += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      out[c] = tables[static_cast<std::size_t>(c) * raw_values + in[c]];
    }
  }
}

void check_options(const Augmentation& augmentation) {
  if (augmentation.crop_padding < 0 || augmentation.cutout < 0) {
    throw Error("the padding of the crop and the side of the cutout must not be negative");
  }
}

}  // namespace

/// Output pixels [first, first + count) of a row come from the input pixels that begin at `source`
/// and go on by `direction`; the output pixels on both sides are padding.
struct ImageTransform::Window {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t source = 0;
  std::int64_t direction = 1;

  Window(std::int64_t width, std::int64_t shift, bool mirrored) {
    // Mirrored or not, the output pixel x shows the padded crop's pixel x or W − 1 − x.
    const std::int64_t offset = mirrored ? -shift : shift;
    first = std::clamp<std::int64_t>(-offset, 0, width);
    count = std::clamp<std::int64_t>(width - offset, first, width) - first;
    source = mirrored ? width - 1 - first + shift : first + shift;
    direction = mirrored ? -1 : 1;
  }
};

ImageTransform::ImageTransform(const ImageSet& set, const Augmentation& augmentation)
    : augmentation_(augmentation),
      height_(set.height()),
      width_(set.width()),
      channels_(set.channels()) {
  check_options(augmentation);
  check_statistics({.mean = set.mean, .stddev = set.stddev});
  const auto channels = static_cast<std::size_t>(channels_);
  TORCH_CHECK(set.mean.size() == channels && set.stddev.size() == channels,
              "ImageTransform: images of ", channels, " channels with ", set.mean.size(),
              " means and ", set.stddev.size(), " standard deviations");
  normalised_.reserve(channels * raw_values);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t raw = 0; raw < raw_values; ++raw) {
      normalised_.push_back(
          static_cast<float>((static_cast<double>(raw) / 255.0 - set.mean[c]) / set.stddev[c]));
    }
  }
  for (std::int64_t x = 0; x < width_; ++x) {
    for (std::size_t c = 0; c < channels; ++c) {
      padding_row_.push_back(normalised_[c * raw_values]);
    }
  }
}

void ImageTransform::apply(std::span<const std::uint8_t> image, RandomStream& random,
                           std::span<float> output) const {
  const auto values = static_cast<std::size_t>(image_values());
  TORCH_CHECK(image.size() == values && output.size() == values, "ImageTransform: expected ",
              values, " values, got an image of ", image.size(), " and room for ", output.size());
  std::int64_t row_shift = 0;
  std::int64_t column_shift = 0;
  if (const std::int64_t padding = augmentation_.crop_padding; padding > 0) {
    const auto places = static_cast<std::uint64_t>(2 * padding + 1);
    row_shift = static_cast<std::int64_t>(random.below(places)) - padding;
    column_shift = static_cast<std::int64_t>(random.below(places)) - padding;
  }
  const bool mirrored = augmentation_.flip && random.below(2) == 1;
  const Window window(width_, column_shift, mirrored);
  const std::int64_t row_values = width_ * channels_;
  float* out = output.data();
  for (std::int64_t y = row_shift; y < row_shift + height_; ++y, out += row_values) {
    if (y < 0 || y >= height_) {
      std::copy(padding_row_.begin(), padding_row_.end(), out);
    } else {
      write_row(image.data() + y * row_values, window, out);
    }
  }
  if (augmentation_.cutout > 0 &&
      (augmentation_.cutout_share >= 1.0 || random.uniform() < augmentation_.cutout_share)) {
    cut_out(random, output.data());
  }
}

void ImageTransform::write_row(const std::uint8_t* row, const Window& window, float* output) const {
  const std::int64_t end = window.first + window.count;
  std::copy_n(padding_row_.data(), window.first * channels_, output);
  std::copy_n(padding_row_.data(), (width_ - end) * channels_, output + end * channels_);
  if (window.count == 0) {
    return;
  }
  const std::uint8_t* in = row + window.source * channels_;
  const std::ptrdiff_t step = window.direction * channels_;
  float* out = output + window.first * channels_;
  switch (channels_) {
    case 1:
      return look_up<1>(in, step, normalised_.data(), window.count, out);
    case 3:
      return look_up<3>(in, step, normalised_.data(), window.count, out);
    default:
      return look_up_any(in, step, normalised_.data(), window.count, channels_, out);
  }
}

void ImageTransform::cut_out(RandomStream& random, float* output) const {
  const std::int64_t side = augmentation_.cutout;
  const auto bounds = [&](std::int64_t length) {
    const auto centre = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(length)));
    const std::int64_t begin = centre - side / 2;
    return std::pair(std::max<std::int64_t>(begin, 0), std::min(begin + side, length));
  };
  const auto [top, bottom] = bounds(height_);
  const auto [left, right] = bounds(width_);
  for (std::int64_t y = top; y < bottom; ++y) {
    std::fill_n(output + (y * width_ + left) * channels_, (right - left) * channels_, 0.0F);
  }
}

}  // namespace darts
