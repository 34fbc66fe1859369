#include "decode_image.hpp"

#include <ATen/ops/_upsample_bilinear2d_aa.h>

#include <algorithm>
#include <cmath>

namespace darts::detail {
namespace {

/// Where the middle `part` of `whole` begins; halves go to the even number, as torchvision's
/// CenterCrop has it from Python's round().
std::int64_t centred(std::int64_t whole, std::int64_t part) {
  return std::lrint(static_cast<double>(whole - part) / 2.0);
}

}  // namespace

at::Tensor fit_image(const at::Tensor& image, std::int64_t size) {
  const std::int64_t height = image.size(0);
  const std::int64_t width = image.size(1);
  at::Tensor resized = image;
  if (std::min(height, width) != size) {
    const std::int64_t shorter = std::min(height, width);
    const std::int64_t new_height = std::max(size, size * height / shorter);
    const std::int64_t new_width = std::max(size, size * width / shorter);
    // In floating point: the integer variant's results depend on the CPU's vector unit.
    const at::Tensor planes = image.permute({2, 0, 1}).contiguous().unsqueeze(0).to(at::kFloat);
    resized = at::_upsample_bilinear2d_aa(planes, {new_height, new_width}, false)
                  .squeeze(0)
                  .permute({1, 2, 0})
                  .round()
                  .clamp(0, 255)
                  .to(at::kByte);
  }
  const std::int64_t top = centred(resized.size(0), size);
  const std::int64_t left = centred(resized.size(1), size);
  return resized.narrow(0, top, size).narrow(1, left, size).contiguous();
}

}  // namespace darts::detail
