#include "data/file_index.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <zlib.h>

#include <algorithm>
#include <string>

namespace darts::fuzz {
namespace {

/// `body` with the first two lines that an index has.
std::string with_checksum(std::string_view body) {
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return "darts-file-index 2\n" + std::to_string(sum) + "\n" + std::string(body);
}

void unpack(std::string_view bytes) {
  const std::string state = detail::packed_state(bytes);
  const auto index = detail::unpack_index(bytes, state);
  if (!index) {
    return;
  }
  for (std::int64_t i = 0; i < index->size(); ++i) {
    check(!index->place(i).empty(), "an image without a name");
  }
  const auto packed = detail::pack_index(*index, state);
  check(packed.has_value(), "an index that was read cannot be written");
  const auto again = detail::unpack_index(*packed, state);
  check(again && again->checksum() == index->checksum() &&
            again->class_names() == index->class_names(),
        "an index is another one when it was written");
}

}  // namespace

/// The bytes as they are; and what they are as the part of an index that its checksum is of.
void parse_index(std::string_view bytes) {
  unpack(bytes);
  unpack(with_checksum(bytes));
}

}  // namespace darts::fuzz
