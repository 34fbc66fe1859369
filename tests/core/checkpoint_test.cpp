#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/checkpoint.hpp>
#include <darts/core/random.hpp>

#include <ATen/Functions.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace darts {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.meta = R"({"epoch":3,"name":"ä \"quoted\"","config":{"seed":7}})";
  checkpoint.tensors["w"] = at::arange(24, at::kFloat).reshape({2, 3, 2, 2});
  checkpoint.tensors["step"] = at::scalar_tensor(41, at::kLong);
  checkpoint.tensors["flag"] = at::ones({3}, at::kBool);
  return checkpoint;
}

bool same(const Checkpoint& a, const Checkpoint& b) {
  if (a.meta != b.meta || a.tensors.size() != b.tensors.size()) {
    return false;
  }
  for (const auto& [name, tensor] : a.tensors) {
    const auto it = b.tensors.find(name);
    if (it == b.tensors.end() || it->second.scalar_type() != tensor.scalar_type() ||
        !at::equal(it->second, tensor)) {
      return false;
    }
  }
  return true;
}

/// A file as another program would write it: the header's length, the header, the data.
std::string raw_file(const std::string& header, const std::string& data = "") {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFFU);
  }
  return bytes + header + data;
}

/// CRC-32 as in zlib, a bit at a time.
std::string crc32_hex(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", ~crc);
  return text.data();
}

/// A file whose checksums are right, so that what its header claims of the tensor "w" is looked at.
std::string sealed_file(const nlohmann::json& w, const std::string& data,
                        const nlohmann::json& other = nullptr) {
  nlohmann::json header = {{"w", w}};
  if (!other.is_null()) {
    header["other"] = other;
  }
  header["__metadata__"] = {
      {"format", "darts-checkpoint"}, {"version", "1"}, {"meta", "{}"}, {"crc32", crc32_hex(data)}};
  header["__metadata__"]["header_crc32"] = crc32_hex(header.dump());
  return raw_file(header.dump(), data);
}

std::string error_of_bytes(const testing::TemporaryFolder& folder, const std::string& bytes) {
  write_file_atomically(folder / "x.safetensors", bytes);
  return error_of([&] { load_checkpoint(folder / "x.safetensors"); });
}

TEST(Checkpoint, KeepsTensorsAndMeta) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  save_checkpoint(file, example());
  const Checkpoint loaded = load_checkpoint(file);
  EXPECT_TRUE(same(example(), loaded));
  EXPECT_EQ(loaded.file, file);
  EXPECT_EQ(nlohmann::json::parse(loaded.meta)["config"]["seed"], 7);
}

TEST(Checkpoint, KeepsEveryDtypeAndShape) {
  const testing::TemporaryFolder folder;
  Checkpoint checkpoint;
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                           at::kShort, at::kChar, at::kByte, at::kBool}) {
    const std::string name = c10::toString(dtype);
    checkpoint.tensors[name + ".matrix"] = at::arange(6).reshape({2, 3}).to(dtype);
    checkpoint.tensors[name + ".scalar"] = at::ones({}, dtype);
    checkpoint.tensors[name + ".empty"] = at::empty({0, 4}, dtype);
  }
  save_checkpoint(folder / "a", checkpoint);
  EXPECT_TRUE(same(checkpoint, load_checkpoint(folder / "a")));
  save_checkpoint(folder / "a", Checkpoint{});
  EXPECT_TRUE(same(Checkpoint{}, load_checkpoint(folder / "a")));
}

TEST(Checkpoint, StoresLogicalOrderWhateverTheLayout) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder / "a", example());
  Checkpoint other = example();
  other.tensors["w"] = other.tensors["w"].contiguous(at::MemoryFormat::ChannelsLast);
  other.tensors["flag"] = at::ones({6}, at::kBool).slice(0, 0, 6, 2);
  other.tensors["w"].requires_grad_();
  save_checkpoint(folder / "b", other);
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(Checkpoint, IsPlainSafetensors) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder / "a", example());
  const std::string bytes = read_file(folder / "a");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  EXPECT_EQ(header["__metadata__"]["format"], "darts-checkpoint");
  EXPECT_EQ(header["__metadata__"]["version"], "1");
  EXPECT_EQ(header["step"]["data_offsets"], nlohmann::json({0, 8}));
  EXPECT_EQ(header["w"],
            nlohmann::json::parse(R"({"dtype":"F32","shape":[2,3,2,2],"data_offsets":[8,104]})"));
  EXPECT_EQ(header["flag"]["dtype"], "BOOL");
  EXPECT_EQ(bytes.size(), 8 + length + 107);
}

TEST(Checkpoint, NamesAMissingTensor) {
  Checkpoint checkpoint = example();
  checkpoint.file = "runs/x/a.safetensors";
  EXPECT_EQ(require(checkpoint, "step").item<std::int64_t>(), 41);
  EXPECT_THAT(error_of([&] { require(checkpoint, "alphas.normal"); }),
              HasSubstr("runs/x/a.safetensors has no tensor alphas.normal"));
  EXPECT_THAT(error_of([&] { require(checkpoint, "a\nb"); }), HasSubstr("has no tensor a b;"));
}

TEST(Checkpoint, RefusesWhatItCannotStore) {
  const testing::TemporaryFolder folder;
  Checkpoint checkpoint;
  checkpoint.tensors["complex"] = at::zeros({2}, at::kComplexFloat);
  EXPECT_THROW(save_checkpoint(folder / "a", checkpoint), c10::Error);
  checkpoint.tensors = {{"undefined", at::Tensor()}};
  EXPECT_THROW(save_checkpoint(folder / "a", checkpoint), c10::Error);
  checkpoint.tensors = {{"__metadata__", at::zeros({1})}};
  EXPECT_THROW(save_checkpoint(folder / "a", checkpoint), c10::Error);
  checkpoint = Checkpoint{};
  checkpoint.meta = "{";
  EXPECT_THROW(save_checkpoint(folder / "a", checkpoint), c10::Error);
}

TEST(Checkpoint, SaysWhatIsWrongWithAFile) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { load_checkpoint(folder / "missing"); }), HasSubstr("No such file"));
  EXPECT_THAT(error_of([&] { load_checkpoint(folder.path()); }), HasSubstr("is not a file"));
  EXPECT_THAT(error_of_bytes(folder, ""), HasSubstr("is cut off: 0 of at least 8 bytes"));
  EXPECT_THAT(error_of_bytes(folder, "some text that is no checkpoint"),
              HasSubstr("is not a checkpoint of this program"));
  EXPECT_THAT(error_of_bytes(folder, raw_file("{}")), HasSubstr("is not a checkpoint"));
  EXPECT_THAT(
      error_of_bytes(folder,
                     raw_file(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x")),
      HasSubstr("is not a checkpoint of this program"));
  EXPECT_THAT(error_of_bytes(folder, raw_file(R"({"__metadata__":{"format":"darts-checkpoint",)"
                                              R"("version":"2"}})")),
              HasSubstr("was written by a newer version (2); this program reads version 1"));
  EXPECT_THAT(error_of_bytes(folder, raw_file("{" + std::string(100, 'x'))),
              HasSubstr("its header: not valid JSON"));
  EXPECT_THAT(error_of_bytes(folder, raw_file("{\"a\":" + std::string(1'000'000, '['))),
              HasSubstr("nested deeper"));
}

TEST(Checkpoint, SaysHowMuchIsCutOffOrTooMuch) {
  const testing::TemporaryFolder folder;
  Checkpoint checkpoint;
  checkpoint.tensors["w"] = at::zeros({1000});
  save_checkpoint(folder / "a", checkpoint);
  const std::string bytes = read_file(folder / "a");
  const std::string message = error_of_bytes(folder, bytes.substr(0, 1234));
  EXPECT_THAT(message, HasSubstr("is cut off: 1,234 of 4,"));
  EXPECT_THAT(error_of_bytes(folder, bytes.substr(0, 100)), HasSubstr("is cut off: 100 of at"));
  EXPECT_THAT(error_of_bytes(folder, bytes + "xy"), HasSubstr("2 bytes follow its end"));
}

TEST(Checkpoint, ReadsChecksumsOfOtherWriters) {
  const testing::TemporaryFolder folder;
  write_file_atomically(
      folder / "a",
      sealed_file({{"dtype", "U8"}, {"shape", {2}}, {"data_offsets", {0, 2}}}, "\x01\x02"));
  EXPECT_TRUE(
      at::equal(load_checkpoint(folder / "a").tensors.at("w"), at::tensor({1, 2}, at::kByte)));
}

TEST(Checkpoint, RefusesHeadersThatContradictThemselves) {
  const testing::TemporaryFolder folder;
  const auto refused = [&](const char* dtype, const nlohmann::json& shape,
                           const nlohmann::json& offsets) {
    const nlohmann::json w = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", offsets}};
    EXPECT_THAT(error_of_bytes(folder, sealed_file(w, "abcd")),
                HasSubstr("shape, dtype and offsets of w disagree"))
        << w;
  };
  const auto array = [](auto... values) { return nlohmann::json::array({values...}); };
  refused("F32", array(2), array(0, 4));
  refused("F31", array(1), array(0, 4));
  refused("U8", array(-4), array(0, 4));
  refused("U8", array(4.0), array(0, 4));
  refused("U8", array("4"), array(0, 4));
  refused("U8", array(4), array(4, 0));
  refused("U8", array(4), array(0));
  refused("U8", array(4), array(0, 4, 8));
  refused("U8", 4, array(0, 4));
  refused("F64", array(1ULL << 62U, 8), array(0, 0));
  refused("U8", array(0, 1ULL << 40U, 1ULL << 40U), array(0, 0));
  refused("U8", array(1ULL << 63U), array(0, 4));
  refused("U8", std::vector<int>(65, 1), array(0, 1));
  refused("U8", array(4), array(0ULL, ~0ULL));
}

TEST(Checkpoint, RefusesOverlapsGapsAndHugeClaims) {
  const testing::TemporaryFolder folder;
  const auto u8 = [](std::uint64_t begin, std::uint64_t end) {
    return nlohmann::json{
        {"dtype", "U8"}, {"shape", {end - begin}}, {"data_offsets", {begin, end}}};
  };
  EXPECT_THAT(error_of_bytes(folder, sealed_file(u8(0, 3), "abcd", u8(2, 4))),
              HasSubstr("overlap or leave a gap"));
  EXPECT_THAT(error_of_bytes(folder, sealed_file(u8(0, 2), "abcd", u8(3, 4))),
              HasSubstr("overlap or leave a gap"));
  EXPECT_THAT(error_of_bytes(folder, sealed_file(u8(0, 1ULL << 50U), "abcd")),
              HasSubstr("is cut off: "));
  EXPECT_THAT(error_of_bytes(folder, sealed_file(nullptr, "abcd")), HasSubstr("disagree"));
}

TEST(Checkpoint, FindsEveryTruncation) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder / "a", example());
  const std::string bytes = read_file(folder / "a");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(error_of_bytes(folder, bytes.substr(0, size)), HasSubstr("is cut off"));
  }
}

TEST(Checkpoint, FindsEveryChangedByte) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "x.safetensors";
  save_checkpoint(file, example());
  const std::string bytes = read_file(file);
  RandomStream random(1, RandomPurpose::split);
  int accepted = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(static_cast<unsigned>(changed[at]) ^ (1U + random.below(255)));
    write_file_atomically(file, changed);
    try {
      EXPECT_TRUE(same(load_checkpoint(file), example())) << "byte " << at << " went unnoticed";
      ++accepted;  // white space for white space in the header's padding
    } catch (const Error&) {
    }
  }
  EXPECT_LT(accepted, 8);
}

TEST(Checkpoint, SurvivesRandomDamage) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "x.safetensors";
  save_checkpoint(file, example());
  const std::string bytes = read_file(file);
  RandomStream random(2, RandomPurpose::split);
  for (int round = 0; round < 500; ++round) {
    std::string changed = bytes;
    for (std::uint64_t i = 0, count = 1 + random.below(20); i < count; ++i) {
      changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    }
    changed.resize(random.below(2) == 0 ? changed.size() : random.below(2 * changed.size()));
    write_file_atomically(file, changed);
    try {
      EXPECT_TRUE(same(load_checkpoint(file), example()));
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace darts
