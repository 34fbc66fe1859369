#include "decode_image.hpp"

#include <png.h>

#include <csetjmp>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace darts::detail {
namespace {

/// The stored values as red, green, blue and one byte more, of any PNG. libpng's short interface
/// would change them where the file states a gamma; Pillow, torchvision and OpenCV do not.
class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  PixelBox read_header() {
    run(&PngReader::begin);
    return {.height = static_cast<std::int64_t>(png_get_image_height(png_, info_)),
            .width = static_cast<std::int64_t>(png_get_image_width(png_, info_))};
  }

  void read_rows(std::vector<png_bytep> rows) {
    rows_ = std::move(rows);
    run(&PngReader::finish);
  }

 private:
  static PngReader& self(png_structp png) {
    return *static_cast<PngReader*>(png_get_error_ptr(png));
  }
  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    std::strncpy(self(png).message_, message, sizeof message_ - 1);
    png_longjmp(png, 1);
  }
  static void ignore(png_structp /*png*/, png_const_charp /*message*/) {}
  static void take(png_structp png, png_bytep to, std::size_t count) {
    std::string_view& rest = static_cast<PngReader*>(png_get_io_ptr(png))->rest_;
    if (rest.size() < count) {
      png_error(png, "it ends too early");
    }
    std::memcpy(to, rest.data(), count);
    rest.remove_prefix(count);
  }

  /// libpng leaves by longjmp, over frames that hold nothing to be destroyed.
  void run(void (PngReader::*part)()) {
    if (setjmp(png_jmpbuf(png_)) != 0) {  // NOLINT(cert-err52-cpp): libpng has no other way
      throw std::runtime_error(std::string("damaged PNG (") + message_ + ")");
    }
    (this->*part)();
  }

  void begin() {
    png_set_read_fn(png_, this, take);
    png_read_info(png_, info_);
    png_set_expand(png_);  // palettes, few bits, a transparent colour
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_add_alpha(png_, 0xFF, PNG_FILLER_AFTER);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  void finish() {
    png_read_image(png_, rows_.data());
    png_read_end(png_, nullptr);
  }

  std::string_view rest_;
  std::vector<png_bytep> rows_;
  char message_[64] = {};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Picture decode_png(std::string_view bytes) {
  PngReader reader(bytes);
  Picture picture(reader.read_header());
  std::vector<png_bytep> rows;
  rows.reserve(static_cast<std::size_t>(picture.box().height));
  for (std::int64_t y = 0; y < picture.box().height; ++y) {
    rows.push_back(picture.row(y));
  }
  reader.read_rows(std::move(rows));
  return picture;
}

}  // namespace darts::detail
