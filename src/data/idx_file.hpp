#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::detail {

/// An array of bytes in the IDX format (http://yann.lecun.com/exdb/mnist/): the bytes 0, 0, 8
/// (unsigned byte), number of dimensions, then the dimensions as big-endian 32-bit numbers, then
/// the values, the last dimension varying fastest.
struct IdxArray {
  std::vector<std::int64_t> sizes;
  std::string file_bytes;  ///< the whole file, uncompressed
  std::size_t offset = 0;  ///< where the values begin in it

  const std::uint8_t* values() const {
    return reinterpret_cast<const std::uint8_t*>(file_bytes.data()) + offset;
  }
};

/// Reads `file`, compressed with gzip or not, which has to hold an array of `dimensions` dimensions
/// and nothing else. Throws std::runtime_error with the problem alone ("is cut off", …), to which
/// the caller adds the file and the remedy.
IdxArray read_idx(const std::filesystem::path& file, std::size_t dimensions);

}  // namespace darts::detail
