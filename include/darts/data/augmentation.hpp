#pragma once

#include <darts/core/random.hpp>
#include <darts/data/image_set.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace darts {

/// Random changes to a training image; the defaults are the original's for CIFAR.
struct Augmentation {
  std::int64_t crop_padding = 4;  ///< zeros around the image before its random crop; 0: no crop
  bool flip = true;               ///< mirror left to right, half of the time
  std::int64_t cutout = 0;        ///< side of the square that is cut out, pixels; 0: none
  double cutout_share = 1.0;      ///< of the images that it is cut out of

  /// No change: for testing.
  static Augmentation none() { return {.crop_padding = 0, .flip = false}; }
};

/// Turns raw images into what a network takes: crop, flip, scaling to [0, 1], (x − mean) / stddev,
/// cutout, in this order (the original's transforms; cutout: DeVries & Taylor 2017, "Improved
/// regularization of convolutional neural networks with cutout").
///
/// Immutable: threads may share one.
class ImageTransform {
 public:
  /// For images of `set`, of which only the sizes and statistics are kept. Throws Error for a
  /// negative padding or cutout, and for statistics that cannot be used.
  ImageTransform(const ImageSet& set, const Augmentation& augmentation);

  /// Values of an image: H·W·C.
  std::int64_t image_values() const { return height_ * width_ * channels_; }

  /// `image` (uint8) and `output` (float32) are both H×W×C.
  ///
  /// Draws from `random`, in this order and only where it is turned on: the crop's row and column
  /// in [0, 2 · crop_padding], the flip (1: mirrored), whether to cut (only where not all are, in
  /// [0, 1)), the row and column of the cutout's centre in [0, H) and [0, W). Padding is the raw
  /// value 0, so −mean / stddev once normalised; the square [centre − cutout / 2, centre − cutout /
  /// 2 + cutout), clipped at the border, becomes 0.
  void apply(std::span<const std::uint8_t> image, RandomStream& random,
             std::span<float> output) const;

 private:
  struct Window;  // which part of the image lands where

  void write_row(const std::uint8_t* row, const Window& window, float* output) const;
  void cut_out(RandomStream& random, float* output) const;

  Augmentation augmentation_;
  std::int64_t height_;
  std::int64_t width_;
  std::int64_t channels_;
  std::vector<float> normalised_;   // C×256: the value of every raw pixel
  std::vector<float> padding_row_;  // W×C: a row of raw zeros, normalised
};

}  // namespace darts
