#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace darts::detail {

/// One tensor's line in a safetensors header; offsets count bytes of the data section.
struct TensorEntry {
  std::string name;
  at::ScalarType dtype = at::ScalarType::Float;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The header of a checkpoint.
struct CheckpointHeader {
  std::string meta;                  ///< text of a JSON object
  std::uint32_t data_crc = 0;        ///< CRC-32 of the data section
  std::vector<TensorEntry> entries;  ///< in the order of the data section, without gaps
};

/// Longest header that is read: room for over 100,000 tensors, and no bait for a parser.
constexpr std::uint64_t longest_header = std::uint64_t{16} << 20U;

/// Whether safetensors has a name for `dtype` that this program stores.
bool can_store(at::ScalarType dtype);

/// The 8 bytes of length and the JSON, padded to a multiple of 8 bytes.
std::string encode_header(const CheckpointHeader& header);

/// Parses and checks the JSON of a header. Throws Error that names `file`.
CheckpointHeader decode_header(std::string_view json, const std::filesystem::path& file);

/// Parses and checks the tensors of any safetensors file's header. Throws Error that names `file`.
std::vector<TensorEntry> decode_entries(std::string_view json, const std::filesystem::path& file);

/// Continues zlib's CRC-32 (0 at the start).
std::uint32_t crc32_of(std::uint32_t crc, std::string_view bytes);

}  // namespace darts::detail
