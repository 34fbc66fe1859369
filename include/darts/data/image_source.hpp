#pragma once

#include <darts/core/random.hpp>
#include <darts/data/pixel_statistics.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace darts {

/// One split of a data set as a network takes it, wherever the images lie: in memory
/// (ImageSetSource) or in files that are decoded when they are needed (ImageNet). BatchLoader makes
/// batches of it; open_images() makes the one for the name of a data set.
///
/// Threads may share a source: nothing in it changes.
class ImageSource {
 public:
  ImageSource() = default;
  virtual ~ImageSource() = default;
  ImageSource(const ImageSource&) = delete;
  ImageSource& operator=(const ImageSource&) = delete;

  virtual std::int64_t size() const = 0;  ///< number of images

  // Of the images that read() delivers, pixels.
  virtual std::int64_t height() const = 0;
  virtual std::int64_t width() const = 0;
  virtual std::int64_t channels() const = 0;

  virtual const std::vector<std::string>& class_names() const = 0;  ///< the name of every label
  virtual const PixelStatistics& statistics() const = 0;  ///< that the images are normalised with

  /// Whether one class stands after the other, so that no part of the images stands for all.
  virtual bool by_class() const = 0;

  /// Tells whether two sources with equal class names and sizes have the same images, as far as
  /// the names of the files (within the split's folder) and what they show tell: eight hexadecimal
  /// digits.
  virtual std::string checksum() const = 0;

  /// What image `index` shows: a number in [0, classes()). Reads no file.
  virtual std::int64_t label(std::int64_t index) const = 0;

  /// Writes image `index` to `image` (float32, H×W×C), augmented with what it draws from `random`.
  ///
  /// Returns false, with `image` undefined, if the image cannot be read and the source was told to
  /// leave such images out; throws Error, which names the file, if it was not.
  virtual bool read(std::int64_t index, RandomStream& random, std::span<float> image) const = 0;

  /// The memory that the images take, bytes; 0 where they lie in files.
  virtual std::int64_t bytes_held() const { return 0; }

  /// Whether read() may leave images out.
  virtual bool may_skip() const { return false; }

  /// The same images as for testing. What is held in memory is shared.
  virtual std::shared_ptr<const ImageSource> unaugmented() const = 0;

  /// The same images with another share of them cut (Augmentation::cutout_share); null where
  /// nothing is ever cut out.
  virtual std::shared_ptr<const ImageSource> with_cutout_share(double /*share*/) const {
    return nullptr;
  }

  std::int64_t classes() const { return static_cast<std::int64_t>(class_names().size()); }
  /// Height, width, channels: "32×32×3".
  std::string size_text() const {
    return std::to_string(height()) + "×" + std::to_string(width()) + "×" +
           std::to_string(channels());
  }
  std::int64_t image_values() const { return height() * width() * channels(); }  ///< H·W·C
};

}  // namespace darts
