#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace darts::testing {

/// Writes `image`, uint8, H×W×C with one channel (grey) or three (RGB), as a PNG file, with the
/// folders above it; returns its path.
std::filesystem::path write_png(const std::filesystem::path& file, const at::Tensor& image);

}  // namespace darts::testing
