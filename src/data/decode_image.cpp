#include "decode_image.hpp"

#include "jpeg_decoder.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace darts::detail {

bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xFF\xD8\xFF"); }

Picture decode_picture(std::string_view bytes) {
  constexpr std::string_view png_start = "\x89PNG\r\n\x1A\n";
  if (is_jpeg(bytes)) {
    JpegDecoder decoder(bytes);
    return decoder.decode({.height = decoder.height(), .width = decoder.width()});
  }
  if (bytes.starts_with(png_start)) {
    return decode_png(bytes);
  }
  throw std::runtime_error(bytes.empty() ? "the file is empty" : "it is neither JPEG nor PNG");
}

at::Tensor decode_image(std::string_view bytes) {
  const Picture picture = decode_picture(bytes);
  const std::int64_t pixels = picture.box().height * picture.box().width;
  at::Tensor image = at::empty({picture.box().height, picture.box().width, 3}, at::kByte);
  const std::uint8_t* in = picture.row(0);
  auto* out = image.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < pixels; ++i, in += Picture::pixel_bytes, out += 3) {
    std::copy_n(in, 3, out);
  }
  return image;
}

}  // namespace darts::detail
