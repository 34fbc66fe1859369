#include "data/decode_image.hpp"
#include "data/jpeg_decoder.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>

namespace darts::fuzz {
namespace {

/// Larger images are decoded alike, and take all the time.
constexpr std::int64_t most_pixels = 1 << 16;

/// Has the sanitizers look at every pixel.
void read_all(const detail::Picture& picture) {
  const detail::PixelBox& box = picture.box();
  for (std::int64_t y = box.top; y < box.bottom(); ++y) {
    const std::uint8_t* row = picture.row(y);
    volatile std::int64_t sum = std::accumulate(row, row + picture.row_bytes(), std::int64_t{0});
    static_cast<void>(sum);
  }
}

/// As photographs are decoded: at eighths of the size, and of that a part.
void decode_part(std::string_view bytes, int eighths) {
  detail::JpegDecoder decoder(bytes);
  decoder.scale(eighths);
  const auto scaled = [eighths](std::int64_t side) { return (side * eighths + 7) / 8; };
  const std::int64_t height = scaled(decoder.height());
  const std::int64_t width = scaled(decoder.width());
  read_all(decoder.decode({.top = height / 3,
                           .left = width / 3,
                           .height = std::max<std::int64_t>(height / 2, 1),
                           .width = std::max<std::int64_t>(width / 2, 1)}));
}

std::int64_t big_endian_32(std::string_view bytes) {
  return std::accumulate(bytes.begin(), bytes.begin() + 4, std::int64_t{0}, [](auto value, char c) {
    return value * 256 + static_cast<std::uint8_t>(c);
  });
}

/// By its header, of which a decoder may yet say that it is wrong.
bool is_large(std::string_view bytes) {
  if (detail::is_jpeg(bytes)) {
    const detail::JpegDecoder decoder(bytes);
    return decoder.height() * decoder.width() > most_pixels;
  }
  constexpr std::size_t sizes = 16;  // where a PNG has its width and height
  return bytes.size() >= sizes + 8 &&
         big_endian_32(bytes.substr(sizes)) >
             most_pixels / std::max<std::int64_t>(big_endian_32(bytes.substr(sizes + 4)), 1);
}

}  // namespace

void parse_image(std::string_view bytes) {
  bool large = false;
  if (!takes<std::runtime_error>([&] { large = is_large(bytes); }) || large) {
    return;
  }
  takes<std::runtime_error>([&] { read_all(detail::decode_picture(bytes)); });
  takes<std::runtime_error>([&] { detail::decode_image(bytes); });
  if (detail::is_jpeg(bytes)) {
    for (const int eighths : {1, 3, 8}) {
      takes<std::runtime_error>([&] { decode_part(bytes, eighths); });
    }
  }
}

}  // namespace darts::fuzz
