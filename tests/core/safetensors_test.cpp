#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/safetensors.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <cstring>

namespace darts {
namespace {

using ::testing::HasSubstr;

/// A file as the format describes it: length, JSON, data.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

const std::string one_tensor =
    R"({"__metadata__":{"format":"pt"},"images":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";

TEST(Safetensors, ReadsFilesOfOtherPrograms) {
  const testing::TemporaryFolder folder;
  const float values[] = {1.5F, -2.0F};
  std::string data(8, '\0');
  std::memcpy(data.data(), values, 8);
  const auto tensors =
      load_safetensors(testing::write_text(folder / "x.safetensors", file_of(one_tensor, data)));
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_TRUE(tensors.at("images").equal(at::tensor({1.5F, -2.0F}).view({1, 2})));
}

TEST(Safetensors, ReadsCheckpoints) {
  const testing::TemporaryFolder folder;
  Checkpoint checkpoint;
  checkpoint.tensors.emplace("a", at::arange(5));
  save_checkpoint(folder / "c.safetensors", checkpoint);
  EXPECT_TRUE(load_safetensors(folder / "c.safetensors").at("a").equal(at::arange(5)));
}

TEST(Safetensors, SaysWhatIsWrong) {
  const testing::TemporaryFolder folder;
  const auto load = [&](const std::string& bytes) {
    load_safetensors(testing::write_text(folder / "bad.safetensors", bytes));
  };
  EXPECT_THAT(testing::error_of([&] { load("not a tensor"); }),
              HasSubstr("bad.safetensors is not a safetensors file"));
  EXPECT_THAT(testing::error_of([&] { load(file_of(one_tensor, "1234567")); }),
              HasSubstr("bad.safetensors is cut off"));
  EXPECT_THAT(testing::error_of([&] { load(file_of(one_tensor, "123456789")); }),
              HasSubstr("1 bytes follow its end"));
  EXPECT_THAT(testing::error_of([&] { load(file_of("{\"a\":{}}", "")); }),
              HasSubstr("shape, dtype and offsets of a disagree"));
  EXPECT_THAT(testing::error_of([&] { load(file_of("{\"a\\nb\":{}}", "")); }),
              HasSubstr("shape, dtype and offsets of a b disagree"));
  EXPECT_THAT(testing::error_of([&] { load_safetensors(folder / "none"); }), HasSubstr("none"));
}

}  // namespace
}  // namespace darts
