#include "checkpoint_header.hpp"

#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>

#include <c10/core/ScalarType.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace darts::detail {
namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr const char* format_name = "darts-checkpoint";
constexpr const char* metadata_key = "__metadata__";
constexpr std::size_t most_dimensions = 64;  // LibTorch's own limit for most operations

constexpr std::array<std::pair<const char*, at::ScalarType>, 10> dtypes{{
    {"F64", at::ScalarType::Double},
    {"F32", at::ScalarType::Float},
    {"F16", at::ScalarType::Half},
    {"BF16", at::ScalarType::BFloat16},
    {"I64", at::ScalarType::Long},
    {"I32", at::ScalarType::Int},
    {"I16", at::ScalarType::Short},
    {"I8", at::ScalarType::Char},
    {"U8", at::ScalarType::Byte},
    {"BOOL", at::ScalarType::Bool},
}};

std::string hex8(std::uint32_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(8, '0');
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = digits[(value >> (28U - 4U * i)) & 0xFU];
  }
  return text;
}

/// The JSON text; bytes that are no UTF-8 (in a path, say) become a replacement character.
std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Error damaged(const std::filesystem::path& file, const std::string& how) {
  return Error(file.string() + " is damaged (" + how +
               "); write it anew, or take an older checkpoint of the run");
}

Error foreign(const std::filesystem::path& file) {
  return Error(file.string() +
               " is not a checkpoint of this program; take a file from the checkpoints folder of a "
               "run");
}

/// `object[key]` as text, or "" where there is no such text.
std::string text_in(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// The bytes of a tensor, or nothing where shape and dtype make no sense.
std::optional<std::uint64_t> bytes_of(const TensorEntry& entry) {
  if (entry.shape.size() > most_dimensions) {
    return std::nullopt;
  }
  // Zeros count as ones in the bound: LibTorch multiplies the other sizes into strides anyway.
  constexpr std::uint64_t most = std::uint64_t{1} << 62U;
  std::uint64_t bound = c10::elementSize(entry.dtype);
  bool empty = false;
  for (const std::int64_t size : entry.shape) {
    const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1));
    if (bound > most / extent) {
      return std::nullopt;
    }
    bound *= extent;
    empty = empty || size == 0;
  }
  return empty ? 0 : bound;
}

/// Reads a non-negative whole number.
bool read_size(const json& value, std::int64_t& size) {
  if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return false;
  }
  size = value.get<std::int64_t>();
  return true;
}

/// Reads {"dtype", "shape", "data_offsets"}; false if it is not that or does not agree with itself.
bool read_entry(const json& value, TensorEntry& entry) {
  const std::string dtype = text_in(value, "dtype");
  const auto* const known = std::find_if(dtypes.begin(), dtypes.end(),
                                         [&](const auto& item) { return dtype == item.first; });
  if (known == dtypes.end() || !value.contains("shape") || !value.contains("data_offsets")) {
    return false;
  }
  entry.dtype = known->second;
  const json& shape = value["shape"];
  const json& offsets = value["data_offsets"];
  if (!shape.is_array() || !offsets.is_array() || offsets.size() != 2) {
    return false;
  }
  entry.shape.resize(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!read_size(shape[i], entry.shape[i])) {
      return false;
    }
  }
  std::int64_t begin = 0;
  std::int64_t end = 0;
  if (!read_size(offsets[0], begin) || !read_size(offsets[1], end) || begin > end) {
    return false;
  }
  entry.begin = static_cast<std::uint64_t>(begin);
  entry.end = static_cast<std::uint64_t>(end);
  return bytes_of(entry) == entry.end - entry.begin;
}

json parse(std::string_view text, const std::filesystem::path& file) {
  try {
    return parse_json<json>(text);
  } catch (const Error& e) {
    throw text.substr(0, 1) == "{" ? damaged(file, std::string("its header: ") + e.what())
                                   : foreign(file);
  }
}

void check_meta(const std::string& meta, const std::filesystem::path& file) {
  try {
    if (!parse_json<json>(meta).is_object()) {
      throw Error("no object");
    }
  } catch (const Error& e) {
    throw damaged(file, std::string("its metadata: ") + e.what());
  }
}

void check_version(const json& metadata, const std::filesystem::path& file) {
  const std::string text = text_in(metadata, "version");
  int version = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, version);
  if (failure != std::errc{} || rest != end || version < 1) {
    throw damaged(file, "its version is no number");
  }
  if (version > format_version) {
    throw Error(file.string() + " was written by a newer version (" + text +
                "); this program reads version " + std::to_string(format_version));
  }
}

/// All tensors in the order of the data section, which they have to fill.
std::vector<TensorEntry> read_entries(const json& root, const std::filesystem::path& file) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : root.items()) {
    if (name != metadata_key) {
      entries.emplace_back().name = name;
      if (!value.is_object() || !read_entry(value, entries.back())) {
        throw damaged(file, "shape, dtype and offsets of " + one_line(name) + " disagree");
      }
    }
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::uint64_t expected = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.begin != expected) {
      throw damaged(file, "tensors overlap or leave a gap at " + one_line(entry.name));
    }
    expected = entry.end;
  }
  return entries;
}

std::string header_crc(const json& root) { return hex8(crc32_of(0, text_of(root))); }

}  // namespace

bool can_store(at::ScalarType dtype) {
  return std::any_of(dtypes.begin(), dtypes.end(),
                     [dtype](const auto& item) { return item.second == dtype; });
}

std::string encode_header(const CheckpointHeader& header) {
  json root = json::object();
  for (const TensorEntry& entry : header.entries) {
    const auto* const dtype = std::find_if(
        dtypes.begin(), dtypes.end(), [&](const auto& item) { return item.second == entry.dtype; });
    root[entry.name] = {{"dtype", dtype->first},
                        {"shape", entry.shape},
                        {"data_offsets", {entry.begin, entry.end}}};
  }
  root[metadata_key] = {{"format", format_name},
                        {"version", std::to_string(format_version)},
                        {"crc32", hex8(header.data_crc)},
                        {"meta", header.meta}};
  // Of the text as a reader will see it, after any replacement of bytes that are no UTF-8.
  root = json::parse(text_of(root));
  root[metadata_key]["header_crc32"] = header_crc(root);

  std::string text = text_of(root);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((text.size() >> (8U * i)) & 0xFFU);
  }
  return bytes + text;
}

CheckpointHeader decode_header(std::string_view text, const std::filesystem::path& file) {
  json root = parse(text, file);
  if (!root.is_object() || !root.contains(metadata_key) ||
      text_in(root[metadata_key], "format") != format_name) {
    throw foreign(file);
  }
  json& metadata = root[metadata_key];
  check_version(metadata, file);
  const std::string recorded = text_in(metadata, "header_crc32");
  metadata.erase("header_crc32");
  if (recorded != header_crc(root)) {
    throw damaged(file, "the checksum of its header differs");
  }

  CheckpointHeader header;
  header.meta = text_in(metadata, "meta");
  const std::string crc = text_in(metadata, "crc32");
  const auto read = std::from_chars(crc.data(), crc.data() + crc.size(), header.data_crc, 16);
  if (read.ec != std::errc{} || crc.size() != 8) {
    throw damaged(file, "its metadata is incomplete");
  }
  check_meta(header.meta, file);
  header.entries = read_entries(root, file);
  return header;
}

std::vector<TensorEntry> decode_entries(std::string_view text, const std::filesystem::path& file) {
  if (text.substr(0, 1) != "{") {
    throw Error(file.string() + " is not a safetensors file");
  }
  return read_entries(parse(text, file), file);
}

std::uint32_t crc32_of(std::uint32_t crc, std::string_view bytes) {
  if (bytes.empty()) {
    return crc;  // zlib starts afresh where it is given a null pointer
  }
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace darts::detail
