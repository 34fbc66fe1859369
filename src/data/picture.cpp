#include "picture.hpp"

#include <stdexcept>
#include <string>

namespace darts::detail {

void check_size(std::int64_t height, std::int64_t width) {
  constexpr std::int64_t most_pixels = 250'000'000;
  if (height < 1 || width < 1 || height > most_pixels / width) {
    throw std::runtime_error("its header says " + std::to_string(width) + "×" +
                             std::to_string(height) + " pixels");
  }
}

Picture::Picture(const PixelBox& box) : box_(box) {
  check_size(box.height, box.width);
  bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(
      static_cast<std::size_t>(box.height * box.width * pixel_bytes));
}

}  // namespace darts::detail
