#include "support/write_png.hpp"

#include <c10/util/Exception.h>

#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace darts::testing {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(value >> shift & 0xFFU);
  }
  return bytes;
}

const Bytef* bytes_of(const std::string& text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(static_cast<std::uint32_t>(::crc32_z(0, bytes_of(body), body.size())));
}

std::string compressed(const std::string& data) {
  uLongf size = ::compressBound(data.size());
  std::string result(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(result.data()), &size, bytes_of(data), data.size());
  result.resize(size);
  return result;
}

}  // namespace

std::filesystem::path write_png(const std::filesystem::path& file, const at::Tensor& image) {
  TORCH_CHECK(image.dim() == 3 && image.scalar_type() == at::kByte &&
                  (image.size(2) == 1 || image.size(2) == 3),
              "write_png: no picture: ", image.toString(), " ", image.sizes());
  const at::Tensor pixels = image.contiguous();
  const auto row = static_cast<std::size_t>(image.size(1) * image.size(2));
  const char* next = reinterpret_cast<const char*>(pixels.const_data_ptr<std::uint8_t>());
  std::string rows;
  for (std::int64_t y = 0; y < image.size(0); ++y, next += row) {
    rows.append(1, '\0').append(next, row);  // each begins with its filter: none
  }
  const char colour = image.size(2) == 1 ? '\0' : '\2';
  const std::string header = big_endian(static_cast<std::uint32_t>(image.size(1))) +
                             big_endian(static_cast<std::uint32_t>(image.size(0))) + '\x08' +
                             colour + std::string(3, '\0');
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary)
      << "\x89PNG\r\n\x1a\n"
      << chunk("IHDR", header) << chunk("IDAT", compressed(rows)) << chunk("IEND", "");
  return file;
}

}  // namespace darts::testing
