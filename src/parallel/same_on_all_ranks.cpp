#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/parallel/same_on_all_ranks.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Fingerprint& values) {
  return Json(values).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The value of a name; nothing if it is not there.
std::optional<std::string> value_in(const Fingerprint& values, const std::string& name) {
  const auto found = std::ranges::find(values, name, &Fingerprint::value_type::first);
  return found == values.end() ? std::nullopt : std::optional(found->second);
}

/// The first name whose values differ; nothing if none does.
std::optional<std::string> first_difference(const Fingerprint& a, const Fingerprint& b) {
  for (const auto& [name, value] : a) {
    if (value_in(b, name) != value) {
      return name;
    }
  }
  for (const auto& [name, value] : b) {
    if (!value_in(a, name)) {
      return name;
    }
  }
  return std::nullopt;
}

/// The ranks whose texts are not the first one's.
std::vector<std::size_t> others_in(const std::vector<std::string>& texts) {
  std::vector<std::size_t> others;
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    if (texts[rank] != texts.front()) {
      others.push_back(rank);
    }
  }
  return others;
}

std::string hexadecimal(std::uint64_t number) {
  constexpr int digits = 16;
  std::string text(digits, '0');
  for (int i = digits; i-- > 0; number >>= 4U) {
    text[static_cast<std::size_t>(i)] = "0123456789abcdef"[number & 15U];
  }
  return text;
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;  // 2⁶⁴ / golden ratio
  return std::rotl((hash ^ word) * factor, 29);
}

}  // namespace

void check_same(Ranks& ranks, const Fingerprint& own) {
  const std::vector<std::string> texts = ranks.exchange(text_of(own));
  const std::vector<std::size_t> others = others_in(texts);
  if (others.empty()) {
    return;
  }
  const auto here = parse_json<Json>(texts.front()).get<Fingerprint>();
  const auto there = parse_json<Json>(texts[others.front()]).get<Fingerprint>();
  const std::string name = first_difference(here, there).value_or("something");
  const auto said = [&](const Fingerprint& values) {
    return value_in(values, name).value_or("not there");
  };
  throw Error("rank " + std::to_string(others.front()) + " differs from rank 0: " + name + " is " +
              said(there) + ", on rank 0 " + said(here) +
              "; start all ranks with the same program, settings and data");
}

std::uint64_t hash_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
  const auto* at = static_cast<const char*>(values.const_data_ptr());
  std::size_t left = values.nbytes();
  std::uint64_t hash = left;
  for (; left > 0;) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min(left, sizeof word);
    std::memcpy(&word, at, bytes);
    hash = mixed(hash, word);
    at += bytes;
    left -= bytes;
  }
  return hash;
}

void check_same_tensors(Ranks& ranks, const NamedTensors& tensors, const std::string& when) {
  if (ranks.alone()) {
    return;
  }
  Fingerprint hashes;
  for (const auto& [name, tensor] : tensors) {
    hashes.emplace_back(name, hexadecimal(hash_of(tensor)));
  }
  std::uint64_t all = 0;
  for (const char letter : text_of(hashes)) {
    all = mixed(all, static_cast<unsigned char>(letter));
  }
  const std::vector<std::size_t> others = others_in(ranks.exchange(hexadecimal(all)));
  if (others.empty()) {
    return;
  }
  const std::vector<std::string> texts = ranks.exchange(text_of(hashes));
  const auto here = parse_json<Json>(texts.front()).get<Fingerprint>();
  const auto there = parse_json<Json>(texts[others.front()]).get<Fingerprint>();
  throw Error("rank " + std::to_string(others.front()) + " does not hold what rank 0 holds " +
              when + ": " +
              one_line(first_difference(here, there).value_or("nothing to be named")) +
              " differs; the last checkpoint is from before; do the ranks' machines and LibTorch "
              "differ, or is one of them faulty?");
}

}  // namespace darts
