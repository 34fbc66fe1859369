#include "color_jitter.hpp"
#include "decode_image.hpp"
#include "jpeg_decoder.hpp"
#include "photo_crop.hpp"
#include "resample.hpp"

#include <darts/core/error.hpp>
#include <darts/data/photo_transform.hpp>

#include <c10/util/Exception.h>

#include <cmath>
#include <optional>
#include <string>

namespace darts {
namespace {

using namespace detail;

constexpr std::int64_t channels = 3;
constexpr std::size_t raw_values = 256;

void check_options(const PhotoOptions& options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) {
      throw Error(what);
    }
  };
  require(options.crop_size >= 1 && options.resize_size >= options.crop_size,
          "images cannot be resized to " + std::to_string(options.resize_size) +
              " pixels and cropped to " + std::to_string(options.crop_size) +
              ": the crop must be at least 1 and at most as large");
  require(options.smallest_area > 0.0 && options.smallest_area <= options.largest_area &&
              options.largest_area <= 1.0,
          "the area of a random crop must lie in (0, 1], its smallest not above its largest");
  require(
      options.narrowest > 0.0 && options.narrowest <= options.widest,
      "the width / height of a random crop must be above 0, its smallest not above its largest");
  require(options.crop_tries >= 0, "the tries of a random crop must be 0 or more");
  require(options.brightness >= 0.0 && options.contrast >= 0.0 && options.saturation >= 0.0,
          "the changes of brightness, contrast and saturation must not be negative");
  require(options.hue >= 0.0 && options.hue <= 0.5, "the change of hue must lie in [0, 0.5]");
}

/// An image file of which parts can be had, JPEG or not.
class ImageFile {
 public:
  explicit ImageFile(std::string_view bytes) {
    if (is_jpeg(bytes)) {
      jpeg_.emplace(bytes);
    } else {
      whole_ = decode_picture(bytes);
    }
  }

  std::int64_t height() const { return jpeg_ ? jpeg_->height() : whole_.box().height; }
  std::int64_t width() const { return jpeg_ ? jpeg_->width() : whole_.box().width; }

  /// Returns by how much the image became smaller: at most by `eighths` / 8.
  double scale(int eighths) {
    if (!jpeg_) {
      return 1.0;
    }
    jpeg_->scale(eighths);
    return eighths / 8.0;
  }

  Planes resampled(const ResampledAxis& vertical, const ResampledAxis& horizontal) {
    const ResampleWeights rows(vertical);
    const ResampleWeights columns(horizontal);
    if (!jpeg_) {
      return resample(whole_, rows, columns);
    }
    const Picture part = jpeg_->decode({.top = rows.begin(),
                                        .left = columns.begin(),
                                        .height = rows.end() - rows.begin(),
                                        .width = columns.end() - columns.begin()});
    return resample(part, rows, columns);
  }

 private:
  std::optional<JpegDecoder> jpeg_;
  Picture whole_;
};

Planes test_image(ImageFile& file, const PhotoOptions& options) {
  const FittedCrop crop = centre_crop(file.height(), file.width(), options);
  return file.resampled({.begin = 0.0,
                         .end = static_cast<double>(file.height()),
                         .size = crop.height,
                         .first = crop.part.top,
                         .count = crop.part.height},
                        {.begin = 0.0,
                         .end = static_cast<double>(file.width()),
                         .size = crop.width,
                         .first = crop.part.left,
                         .count = crop.part.width});
}

Planes train_image(ImageFile& file, const PhotoOptions& options, RandomStream& random) {
  const PixelBox box = random_crop(file.height(), file.width(), options, random);
  const bool mirrored = options.flip && random.below(2) == 1;
  const double scale = file.scale(decoding_scale(box, options.crop_size));
  const auto axis = [&](std::int64_t begin, std::int64_t end) {
    return ResampledAxis{.begin = scale * static_cast<double>(begin),
                         .end = scale * static_cast<double>(end),
                         .size = options.crop_size,
                         .first = 0,
                         .count = options.crop_size};
  };
  ResampledAxis horizontal = axis(box.left, box.right());
  horizontal.mirrored = mirrored;
  Planes image = file.resampled(axis(box.top, box.bottom()), horizontal);
  jitter_colors(image, options, random);
  return image;
}

}  // namespace

PixelStatistics imagenet_statistics() {
  return {.mean = {0.485, 0.456, 0.406}, .stddev = {0.229, 0.224, 0.225}};
}

PhotoTransform::PhotoTransform(const PhotoOptions& options, const PixelStatistics& statistics,
                               bool augment)
    : options_(options), augment_(augment) {
  check_options(options);
  check_statistics(statistics);
  TORCH_CHECK(statistics.mean.size() == channels && statistics.stddev.size() == channels,
              "PhotoTransform: images of 3 channels with ", statistics.mean.size(), " means and ",
              statistics.stddev.size(), " standard deviations");
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t raw = 0; raw < raw_values; ++raw) {
      const double value = static_cast<double>(raw) / 255.0;
      normalised_.push_back(
          static_cast<float>((value - statistics.mean[c]) / statistics.stddev[c]));
    }
  }
}

void PhotoTransform::apply(std::string_view file, RandomStream& random,
                           std::span<float> output) const {
  TORCH_CHECK(static_cast<std::int64_t>(output.size()) == size() * size() * channels,
              "PhotoTransform: expected room for ", size() * size() * channels, " values, got ",
              output.size());
  ImageFile image_file(file);
  const Planes image =
      augment_ ? train_image(image_file, options_, random) : test_image(image_file, options_);
  const std::uint8_t* red = image.plane(0);
  const std::uint8_t* green = image.plane(1);
  const std::uint8_t* blue = image.plane(2);
  const float* tables = normalised_.data();
  float* out = output.data();
  for (std::int64_t i = 0; i < image.pixels(); ++i, out += channels) {
    out[0] = tables[red[i]];
    out[1] = tables[raw_values + green[i]];
    out[2] = tables[2 * raw_values + blue[i]];
  }
}

}  // namespace darts
