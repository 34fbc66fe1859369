#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace darts::detail {

/// Decodes a JPEG or PNG file, told apart by what is in it, as RGB: uint8, H×W×3. Grey, palette
/// and CMYK images are converted, 16-bit ones rounded, an alpha channel is dropped (as torchvision
/// and Pillow do).
///
/// Throws std::runtime_error with the problem alone, to which the caller adds the file.
at::Tensor decode_image(std::string_view bytes);

at::Tensor decode_jpeg(std::string_view bytes);
at::Tensor decode_png(std::string_view bytes);

/// An empty H×W×`channels` image. Throws std::runtime_error if it would not be sensible to hold one
/// of this size in memory: the size stands in a header that may be damaged.
at::Tensor new_image(std::int64_t height, std::int64_t width, std::int64_t channels);

/// Resizes a uint8 H×W×C image so that its shorter side is `size` (bilinear, antialiased:
/// half-pixel centres, the filter widened when shrinking) and takes the `size`×`size` pixels in the
/// middle.
at::Tensor fit_image(const at::Tensor& image, std::int64_t size);

}  // namespace darts::detail
