#include "idx_file.hpp"

#include <darts/core/text.hpp>

#include <zlib.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace darts::detail {
namespace {

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose_r(file); }
};

/// The content of a file, uncompressed where it is compressed (zlib passes other files through).
std::string read_gz(const std::filesystem::path& path) {
  errno = 0;
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (!file) {
    throw std::runtime_error("cannot be read: " + std::generic_category().message(errno));
  }
  constexpr std::size_t chunk = 1U << 20U;
  gzbuffer(file.get(), chunk);
  std::string bytes;
  for (;;) {
    const std::size_t have = bytes.size();
    bytes.resize(have + chunk);
    const int got = gzread(file.get(), bytes.data() + have, chunk);
    bytes.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    // At the end of a compressed file that is cut off gzread gives what there is, without an error.
    int status = Z_OK;
    const std::string message = gzerror(file.get(), &status);
    if (status == Z_BUF_ERROR) {
      throw std::runtime_error("is cut off: its compressed data end after " +
                               std::to_string(bytes.size()) + " bytes of content");
    }
    if (got < 0) {
      throw std::runtime_error("cannot be uncompressed: " + message);
    }
    if (got == 0) {
      return bytes;
    }
  }
}

std::uint32_t big_endian_32(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
  }
  return value;
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file, std::size_t dimensions) {
  IdxArray array;
  array.file_bytes = read_gz(file);
  array.offset = 4 * (1 + dimensions);
  const std::string& bytes = array.file_bytes;
  if (bytes.size() < array.offset) {
    throw std::runtime_error("is cut off: it has " + std::to_string(bytes.size()) +
                             " bytes, its header " + std::to_string(array.offset));
  }
  const std::uint32_t magic = big_endian_32(bytes.data());
  const std::size_t expected_magic = 0x0800 + dimensions;
  if (magic != expected_magic) {
    throw std::runtime_error("is no IDX file of bytes in " + std::to_string(dimensions) +
                             " dimensions: its magic number is " + std::to_string(magic) +
                             ", not " + std::to_string(expected_magic));
  }
  // In floating point, so that no header can overflow it; exact for every size that can be right.
  double values = 1.0;
  for (std::size_t i = 1; i <= dimensions; ++i) {
    array.sizes.push_back(big_endian_32(bytes.data() + 4 * i));
    values *= static_cast<double>(array.sizes.back());
  }
  const std::size_t found = bytes.size() - array.offset;
  if (static_cast<double>(found) != values) {
    throw std::runtime_error((static_cast<double>(found) < values ? "is cut off" : "is too long") +
                             std::string(": its header promises ") + format_fixed(values, 0) +
                             " values, it has " + std::to_string(found));
  }
  return array;
}

}  // namespace darts::detail
