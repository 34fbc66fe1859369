#include <darts/core/utf8.hpp>

#include <cstddef>
#include <cstdint>

namespace darts {
namespace {

/// How many bytes a code point that begins with `first` has; 0: none does.
std::size_t length_of(std::uint8_t first) {
  return first < 0x80                    ? 1
         : first >= 0xC2 && first < 0xE0 ? 2
         : first >= 0xE0 && first < 0xF0 ? 3
         : first >= 0xF0 && first < 0xF5 ? 4
                                         : 0;
}

/// Whether the second byte of a longer code point may follow its first one.
bool may_follow(std::uint8_t first, std::uint8_t second) {
  const std::uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  return second >= least && second <= most;
}

/// The bytes of the code point that `text` begins with; 0 if it begins with none.
std::size_t code_point_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::size_t length = text.empty() ? 0 : length_of(byte(0));
  if (length == 0 || text.size() < length || (length > 1 && !may_follow(byte(0), byte(1)))) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) {
      return 0;
    }
  }
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (const std::size_t length = code_point_at(text)) {
    text.remove_prefix(length);
  }
  return text.empty();
}

std::string as_utf8(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  while (!text.empty()) {
    const std::size_t length = code_point_at(text);
    if (length == 0) {
      const auto byte = static_cast<std::uint8_t>(text[0]);
      result.append("\\x").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    } else {
      result.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace darts
