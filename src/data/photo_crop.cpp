#include "photo_crop.hpp"

#include <algorithm>
#include <cmath>

namespace darts::detail {
namespace {

/// To the even one in the middle, as Python rounds.
std::int64_t rounded(double x) { return std::lrint(x); }

double uniform(double low, double high, RandomStream& random) {
  return low + (high - low) * random.uniform();
}

PixelBox largest_allowed(std::int64_t height, std::int64_t width, const PhotoOptions& options) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  PixelBox box{.height = height, .width = width};
  if (ratio < options.narrowest) {
    box.height = std::min(rounded(static_cast<double>(width) / options.narrowest), height);
  } else if (ratio > options.widest) {
    box.width = std::min(rounded(static_cast<double>(height) * options.widest), width);
  }
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

}  // namespace

PixelBox random_crop(std::int64_t height, std::int64_t width, const PhotoOptions& options,
                     RandomStream& random) {
  const auto area = static_cast<double>(height * width);
  for (std::int64_t i = 0; i < options.crop_tries; ++i) {
    const double part = area * uniform(options.smallest_area, options.largest_area, random);
    const double ratio =
        std::exp(uniform(std::log(options.narrowest), std::log(options.widest), random));
    PixelBox box{.height = rounded(std::sqrt(part / ratio)),
                 .width = rounded(std::sqrt(part * ratio))};
    if (box.height >= 1 && box.height <= height && box.width >= 1 && box.width <= width) {
      const auto place = [&random](std::int64_t room) {
        return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room + 1)));
      };
      box.top = place(height - box.height);
      box.left = place(width - box.width);
      return box;
    }
  }
  return largest_allowed(height, width, options);
}

FittedCrop centre_crop(std::int64_t height, std::int64_t width, const PhotoOptions& options) {
  const std::int64_t shorter = std::min(height, width);
  const auto resized = [&](std::int64_t side) {
    return options.resize_size * side / shorter;  // rounded down, as torchvision does
  };
  const auto middle = [&](std::int64_t side) {
    return rounded(static_cast<double>(side - options.crop_size) / 2.0);
  };
  FittedCrop crop{.height = resized(height), .width = resized(width), .part = {}};
  crop.part = {.top = middle(crop.height),
               .left = middle(crop.width),
               .height = options.crop_size,
               .width = options.crop_size};
  return crop;
}

int decoding_scale(const PixelBox& box, std::int64_t size) {
  for (const int eighths : {1, 2, 4}) {
    if (std::min(box.height, box.width) * eighths >= 8 * size) {
      return eighths;
    }
  }
  return 8;
}

}  // namespace darts::detail
