#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace darts::detail {

/// CRC-32 of all that it is given.
class Checksum {
 public:
  void add(std::string_view bytes);
  template <class Number>
  void add(std::span<const Number> numbers) {
    add(std::string_view(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()));
  }

  /// Eight hexadecimal digits.
  std::string text() const;

 private:
  std::uint32_t crc_ = 0;
};

}  // namespace darts::detail
