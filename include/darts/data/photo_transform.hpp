#pragma once

#include <darts/core/random.hpp>
#include <darts/data/pixel_statistics.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace darts {

/// How a photograph of any size becomes what a network takes; the defaults are the original's for
/// ImageNet.
struct PhotoOptions {
  std::int64_t crop_size = 224;    ///< height and width that networks see, pixels
  std::int64_t resize_size = 256;  ///< testing: of the shorter side, before the crop in the middle

  // Training: a random part of the image, resized to crop_size.
  double smallest_area = 0.08;  ///< of the part, relative to the image's
  double largest_area = 1.0;
  double narrowest = 3.0 / 4.0;  ///< width / height of the part
  double widest = 4.0 / 3.0;
  std::int64_t crop_tries = 10;  ///< then the largest part in the middle that is not too wide
  bool flip = true;              ///< mirror left to right, half of the time

  // Training: random changes of the colours, in random order; 0: none.
  double brightness = 0.4;  ///< factor in [1 − brightness, 1 + brightness], not below 0
  double contrast = 0.4;    ///< likewise
  double saturation = 0.4;  ///< likewise
  double hue = 0.2;         ///< turn in [−hue, hue] of a full circle, at most 0.5
};

/// Mean and standard deviation of ImageNet's train images.
PixelStatistics imagenet_statistics();

/// Turns an image file into what a network takes, as torchvision does on Pillow's images: for
/// testing resize, crop in the middle; for training a random crop that is resized, flip, changes of
/// colour; then scaling to [0, 1] and (x − mean) / stddev. Resizing is bilinear and antialiased.
///
/// For testing the pixels equal Pillow's. For training an image is decoded at a half, a quarter or
/// an eighth of its size where the crop stays at least as large as the output, and only the part
/// that is needed is decoded.
///
/// Immutable: threads may share one.
class PhotoTransform {
 public:
  /// Throws Error for options or statistics that make no sense, c10::Error unless there are three
  /// statistics.
  PhotoTransform(const PhotoOptions& options, const PixelStatistics& statistics, bool augment);

  /// Height and width of what it makes, pixels.
  std::int64_t size() const { return options_.crop_size; }

  /// `file` (JPEG or PNG, told apart by what is in it: RGB, grey or CMYK) to `output` (float32,
  /// size()×size()×3).
  ///
  /// For training it draws from `random`, in this order: for each try of a crop its area and the
  /// logarithm of its ratio, and once it fits its row and column; the flip (1: mirrored); the order
  /// of the four changes (Fisher–Yates) and the factor of each that is turned on. For testing
  /// nothing.
  ///
  /// Throws std::runtime_error, with the problem alone, for a damaged image.
  void apply(std::string_view file, RandomStream& random, std::span<float> output) const;

 private:
  PhotoOptions options_;
  bool augment_;
  std::vector<float> normalised_;  // 3×256: the value of every raw pixel
};

}  // namespace darts
