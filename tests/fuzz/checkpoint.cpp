#include "core/checkpoint_header.hpp"
#include "fuzz/derived.hpp"
#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <darts/core/safetensors.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace darts::fuzz {
namespace {

using nlohmann::json;

constexpr std::size_t length_bytes = 8;

std::string hex8(std::uint32_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(8, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4U) {
    *digit = digits[value & 0xFU];
  }
  return text;
}

std::string length_of(const std::string& header) {
  std::string bytes;
  for (std::uint64_t i = 0; i < length_bytes; ++i) {
    bytes.push_back(static_cast<char>((header.size() >> (8 * i)) & 0xFFU));
  }
  return bytes;
}

/// `header` and `data` as a file whose length and checksums are right, where it has such: no
/// mutation comes past them, but a mistake of a writer does.
std::string with_checksums(std::string header, std::string_view data) {
  json root = json::parse(header, nullptr, /*allow_exceptions=*/false);
  if (root.is_object() && root.contains("__metadata__") && root["__metadata__"].is_object()) {
    json& metadata = root["__metadata__"];
    metadata["crc32"] = hex8(detail::crc32_of(0, data));
    metadata.erase("header_crc32");
    const auto text = [&root] { return root.dump(-1, ' ', false, json::error_handler_t::replace); };
    metadata["header_crc32"] = hex8(detail::crc32_of(0, text()));
    header = text();
  }
  return length_of(header) + header + std::string(data);
}

void load(const std::filesystem::path& file) {
  takes([&] { load_safetensors(file); });
  Checkpoint checkpoint;
  if (takes([&] { checkpoint = load_checkpoint(file); })) {
    StoredTheta stored;
    if (takes([&] { stored = theta_of(checkpoint); })) {
      derive_from(*stored.method, stored.theta, stored.space);
    }
    takes([&] { stage_of(checkpoint, SearchConfig()); });
  }
}

}  // namespace

/// A file; and, of a line with a header and data behind it, the file that they stand for.
void parse_checkpoint(std::string_view bytes) {
  load(input_file("input.safetensors", bytes));
  const std::string_view header = bytes.substr(0, bytes.find('\n'));
  const std::string_view data = bytes.substr(std::min(header.size() + 1, bytes.size()));
  load(input_file("mended.safetensors", with_checksums(std::string(header), data)));
}

}  // namespace darts::fuzz
