#include "decode_image.hpp"

#include <png.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace darts::detail {
namespace {

struct Free {
  void operator()(png_image* image) const { png_image_free(image); }
};

}  // namespace

at::Tensor decode_png(std::string_view bytes) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, Free> guard(&header);  // frees what libpng hangs on to it
  const auto fail = [&header] {
    return std::runtime_error(std::string("damaged PNG (") + header.message + ")");
  };
  if (png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()) == 0) {
    throw fail();
  }
  // 16-bit images without a gamma are like 8-bit ones, not linear as libpng assumes by default.
  header.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  header.format = PNG_FORMAT_RGBA;
  const at::Tensor rgba = new_image(header.height, header.width, 4);
  if (png_image_finish_read(&header, nullptr, rgba.mutable_data_ptr<std::uint8_t>(), 0, nullptr) ==
      0) {
    throw fail();
  }
  at::Tensor image = new_image(rgba.size(0), rgba.size(1), 3);
  const auto* in = rgba.const_data_ptr<std::uint8_t>();
  auto* out = image.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t pixel = 0; pixel < rgba.size(0) * rgba.size(1); ++pixel, in += 4) {
    for (int c = 0; c < 3; ++c) {
      *out++ = in[c];
    }
  }
  return image;
}

}  // namespace darts::detail
