#include "decode_image.hpp"

#include <ATen/ops/empty.h>

#include <stdexcept>
#include <string>

namespace darts::detail {

at::Tensor decode_image(std::string_view bytes) {
  constexpr std::string_view jpeg_start = "\xFF\xD8\xFF";
  constexpr std::string_view png_start = "\x89PNG\r\n\x1A\n";
  if (bytes.starts_with(jpeg_start)) {
    return decode_jpeg(bytes);
  }
  if (bytes.starts_with(png_start)) {
    return decode_png(bytes);
  }
  throw std::runtime_error(bytes.empty() ? "the file is empty" : "it is neither JPEG nor PNG");
}

at::Tensor new_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  constexpr std::int64_t most_pixels = 250'000'000;
  if (height < 1 || width < 1 || height > most_pixels / width) {
    throw std::runtime_error("its header says " + std::to_string(width) + "×" +
                             std::to_string(height) + " pixels");
  }
  return at::empty({height, width, channels}, at::kByte);
}

}  // namespace darts::detail
