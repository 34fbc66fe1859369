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

Picture decode_png(std::string_view bytes) {
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
  Picture picture({.height = header.height, .width = header.width});
  if (png_image_finish_read(&header, nullptr, picture.row(0), 0, nullptr) == 0) {
    throw fail();
  }
  return picture;
}

}  // namespace darts::detail
