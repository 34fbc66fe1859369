#pragma once

#include "picture.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace darts::detail {

/// Decodes (a part of) a JPEG file with libjpeg-turbo, as RGB: grey and CMYK images are converted,
/// an orientation in EXIF is ignored, as Pillow and torchvision do.
class JpegDecoder {
 public:
  /// Reads the header of the file `bytes`, which have to outlive the decoder.
  ///
  /// Throws std::runtime_error with the problem alone, to which the caller adds the file.
  explicit JpegDecoder(std::string_view bytes);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  std::int64_t height() const;  ///< of the whole image, pixels
  std::int64_t width() const;

  /// Makes the image smaller by `eighths` / 8, in [1, 8], as it is decoded (in the DCT): the
  /// image's pixel x is at x · eighths / 8 then, and its size is rounded up. Before decode().
  void scale(int eighths);

  /// Decodes `box`, in pixels of the scaled image, and a few columns at its sides; the pixels are
  /// those that decoding the whole image would give. What lies below the box is not even read, so
  /// that it may be missing. Once only. Throws std::runtime_error for a damaged image; bytes
  /// between two markers that belong to none, say, which even ImageNet has, are no damage.
  Picture decode(const PixelBox& box);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace darts::detail
