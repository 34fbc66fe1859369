#include "checksum.hpp"

#include <zlib.h>

namespace darts::detail {

void Checksum::add(std::string_view bytes) {
  if (!bytes.empty()) {  // zlib starts afresh where it is given a null pointer
    crc_ = static_cast<std::uint32_t>(
        ::crc32_z(crc_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }
}

std::string Checksum::text() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(8, '0');
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = digits[(crc_ >> (28U - 4U * i)) & 0xFU];
  }
  return text;
}

}  // namespace darts::detail
