#include "decode_image.hpp"

#include <turbojpeg.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace darts::detail {
namespace {

struct Destroy {
  void operator()(void* decoder) const { tjDestroy(decoder); }
};
using Decoder = std::unique_ptr<void, Destroy>;

/// Throws unless what the last call complained of can be lived with: bytes between two markers that
/// belong to none, say, which even ImageNet has. An image of which a part is missing cannot.
void check(const Decoder& decoder) {
  const std::string message = tjGetErrorStr2(decoder.get());
  if (tjGetErrorCode(decoder.get()) != TJERR_WARNING ||
      message.find("remature end of") != std::string::npos) {
    throw std::runtime_error("damaged JPEG (" + message + ")");
  }
}

/// CMYK as Adobe's programs write it, inverted, which all in the wild is: R = C · K / 255.
at::Tensor rgb_from_inverted_cmyk(const at::Tensor& cmyk) {
  at::Tensor image = new_image(cmyk.size(0), cmyk.size(1), 3);
  const auto* in = cmyk.const_data_ptr<std::uint8_t>();
  auto* out = image.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t pixel = 0; pixel < cmyk.size(0) * cmyk.size(1); ++pixel, in += 4) {
    for (int c = 0; c < 3; ++c) {
      *out++ = static_cast<std::uint8_t>((in[c] * in[3] + 127) / 255);
    }
  }
  return image;
}

}  // namespace

at::Tensor decode_jpeg(std::string_view bytes) {
  const Decoder decoder(tjInitDecompress());
  if (!decoder) {
    throw std::runtime_error(std::string("libjpeg-turbo: ") + tjGetErrorStr2(nullptr));
  }
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colors = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &colors) != 0) {
    check(decoder);
  }
  if (width < 1 || height < 1) {
    throw std::runtime_error("damaged JPEG (it ends before its picture begins)");
  }
  const bool cmyk = colors == TJCS_CMYK || colors == TJCS_YCCK;
  at::Tensor image = new_image(height, width, cmyk ? 4 : 3);
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.mutable_data_ptr<std::uint8_t>(),
                    width, 0, height, cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_ACCURATEDCT) != 0) {
    check(decoder);
  }
  return cmyk ? rgb_from_inverted_cmyk(image) : image;
}

}  // namespace darts::detail
