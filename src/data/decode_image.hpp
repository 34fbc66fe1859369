#pragma once

#include "picture.hpp"

#include <ATen/core/Tensor.h>

#include <string_view>

namespace darts::detail {

/// Whether a file begins as a JPEG does.
bool is_jpeg(std::string_view bytes);

/// Decodes a JPEG or PNG file, told apart by what is in it, as RGB. Grey, palette and CMYK images
/// are converted, 16-bit ones rounded, an alpha channel is dropped, an orientation in EXIF is
/// ignored (as torchvision and Pillow do).
///
/// Throws std::runtime_error with the problem alone, to which the caller adds the file.
Picture decode_picture(std::string_view bytes);

/// The same as uint8, H×W×3.
at::Tensor decode_image(std::string_view bytes);

/// A PNG file, likewise.
Picture decode_png(std::string_view bytes);

/// Resizes a uint8 H×W×C image so that its shorter side is `size` (bilinear, antialiased:
/// half-pixel centres, the filter widened when shrinking) and takes the `size`×`size` pixels in the
/// middle.
at::Tensor fit_image(const at::Tensor& image, std::int64_t size);

}  // namespace darts::detail
