#include "jpeg_decoder.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <string>

// Needs <cstdio> before it.
#include <jpeglib.h>

namespace darts::detail {
namespace {

/// libjpeg's error manager, whose error function has to leave by a jump: exceptions must not pass
/// through C.
struct ErrorManager {
  jpeg_error_mgr base{};  // first: libjpeg knows this part alone
  std::jmp_buf leave{};
  std::string problem;  // of the image, once there is one
};

std::string message_of(j_common_ptr info) {
  std::array<char, JMSG_LENGTH_MAX> text{};
  info->err->format_message(info, text.data());
  return text.data();
}

ErrorManager& manager_of(j_common_ptr info) { return *reinterpret_cast<ErrorManager*>(info->err); }

void leave_on_error(j_common_ptr info) {
  ErrorManager& errors = manager_of(info);
  errors.problem = message_of(info);
  std::longjmp(errors.leave, 1);
}

/// Keeps the first warning that a part of the image is missing; others can be lived with.
void note_warning(j_common_ptr info, int level) {
  std::string& problem = manager_of(info).problem;
  if (level < 0 && problem.empty()) {
    const std::string message = message_of(info);
    if (message.find("remature end of") != std::string::npos) {
      problem = message;
    }
  }
}

/// CMYK as Adobe's programs write it, inverted, which all in the wild is: R = C · K / 255.
void rgb_from_inverted_cmyk(std::uint8_t* pixels, std::int64_t count) {
  for (std::uint8_t* pixel = pixels; pixel != pixels + 4 * count; pixel += 4) {
    for (int c = 0; c < 3; ++c) {
      pixel[c] = static_cast<std::uint8_t>((pixel[c] * pixel[3] + 127) / 255);
    }
  }
}

}  // namespace

struct JpegDecoder::Impl {
  ErrorManager errors;
  jpeg_decompress_struct info{};

  ~Impl() { jpeg_destroy_decompress(&info); }

  /// Runs `steps`, calls to libjpeg without anything that has a destructor.
  template <typename Steps>
  void guarded(Steps steps) {
    if (setjmp(errors.leave) == 0) {
      steps();
    }
    if (!errors.problem.empty()) {
      throw std::runtime_error("damaged JPEG (" + errors.problem + ")");
    }
  }

  bool is_cmyk() const { return info.out_color_space == JCS_CMYK; }

  /// The columns of `box` with a margin: where the decoded part ends, chroma is interpolated as at
  /// the border of an image.
  void crop_columns(const PixelBox& box) {
    constexpr std::int64_t margin = 4;
    const std::int64_t left = std::max<std::int64_t>(box.left - margin, 0);
    const std::int64_t right = std::min<std::int64_t>(box.right() + margin, info.output_width);
    auto first = static_cast<JDIMENSION>(left);
    auto count = static_cast<JDIMENSION>(right - left);
    if (count < info.output_width) {
      jpeg_crop_scanline(&info, &first, &count);
    }
    first_column = first;
  }

  void skip_rows(std::int64_t count) {
    if (count > 0) {
      jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(count));
    }
  }

  void read_rows(std::uint8_t* rows, std::int64_t row_bytes, std::int64_t count) {
    constexpr std::int64_t most = 16;
    std::array<JSAMPROW, most> pointers{};
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t wanted = std::min(most, count - done);
      for (std::int64_t i = 0; i < wanted; ++i) {
        pointers[static_cast<std::size_t>(i)] = rows + (done + i) * row_bytes;
      }
      done += jpeg_read_scanlines(&info, pointers.data(), static_cast<JDIMENSION>(wanted));
    }
  }

  std::int64_t first_column = 0;  // of the rows that libjpeg delivers
};

JpegDecoder::JpegDecoder(std::string_view bytes) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.info.err = jpeg_std_error(&impl.errors.base);
  impl.errors.base.error_exit = leave_on_error;
  impl.errors.base.emit_message = note_warning;
  impl.guarded([&] {
    jpeg_create_decompress(&impl.info);
    jpeg_mem_src(&impl.info, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&impl.info, TRUE);
  });
  check_size(height(), width());
  const bool cmyk =
      impl.info.jpeg_color_space == JCS_CMYK || impl.info.jpeg_color_space == JCS_YCCK;
  impl.info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGBX;
}

JpegDecoder::~JpegDecoder() = default;

std::int64_t JpegDecoder::height() const { return impl_->info.image_height; }
std::int64_t JpegDecoder::width() const { return impl_->info.image_width; }

void JpegDecoder::scale(int eighths) {
  impl_->info.scale_num = static_cast<unsigned>(eighths);
  impl_->info.scale_denom = 8;
}

Picture JpegDecoder::decode(const PixelBox& box) {
  Impl& impl = *impl_;
  impl.guarded([&] {
    jpeg_start_decompress(&impl.info);
    impl.crop_columns(box);
  });
  Picture picture({.top = box.top,
                   .left = impl.first_column,
                   .height = box.height,
                   .width = impl.info.output_width});
  impl.guarded([&] {
    impl.skip_rows(box.top);
    impl.read_rows(picture.row(box.top), picture.row_bytes(), box.height);
  });
  if (impl.is_cmyk()) {
    rgb_from_inverted_cmyk(picture.row(box.top), box.height * picture.box().width);
  }
  return picture;
}

}  // namespace darts::detail
