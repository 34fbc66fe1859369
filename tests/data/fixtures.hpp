#pragma once

#include <darts/core/error.hpp>
#include <darts/data/image_set.hpp>

#include <ATen/ops/empty.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace darts::test {

namespace fs = std::filesystem;

/// A new empty folder, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "darts-data-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make " + name);
    }
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline void write_file(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

/// The message of the Error that `call` throws; empty if it throws none.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// An IDX file: magic 0x08DD with DD dimensions, the sizes big-endian, then `values`.
inline std::string idx(std::initializer_list<std::uint32_t> sizes, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      bytes += static_cast<char>(size >> shift & 0xFFU);
    }
  }
  return bytes + values;
}

/// Writes `count` images of arbitrary but fixed pixels, to train on and to test on, as
/// Fashion-MNIST into `root`.
inline void write_fashion_mnist(const fs::path& root, int count) {
  std::string pixels(static_cast<std::size_t>(count) * 28 * 28, '\0');
  std::uint32_t random = 1;
  for (char& pixel : pixels) {
    random = random * 1664525U + 1013904223U;
    pixel = static_cast<char>(random >> 24U);
  }
  std::string labels;
  for (int i = 0; i < count; ++i) {
    labels += static_cast<char>(i * 7 % 10);
  }
  const auto size = static_cast<std::uint32_t>(count);
  for (const std::string prefix : {"train", "t10k"}) {
    const fs::path file = root / "fashion-mnist" / prefix;
    write_file(file.string() + "-images-idx3-ubyte", idx({size, 28, 28}, pixels));
    write_file(file.string() + "-labels-idx1-ubyte", idx({size}, labels));
  }
}

/// Images of arbitrary but fixed pixels; the label of image i is i.
inline std::shared_ptr<ImageSet> made_up_images(std::int64_t count, std::int64_t height,
                                                std::int64_t width, std::int64_t channels) {
  auto set = std::make_shared<ImageSet>();
  set->images = at::empty({count, height, width, channels}, at::kByte);
  auto* pixel = set->images.mutable_data_ptr<std::uint8_t>();
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < set->images.numel(); ++i) {
    state = state * 1664525U + 1013904223U;
    pixel[i] = static_cast<std::uint8_t>(state >> 24U);
  }
  set->labels = at::empty({count}, at::kLong);
  auto* label = set->labels.mutable_data_ptr<std::int64_t>();
  std::iota(label, label + count, std::int64_t{0});
  for (std::int64_t i = 0; i < count; ++i) {
    set->class_names.push_back("class " + std::to_string(i));
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    set->mean.push_back(0.4 + 0.05 * static_cast<double>(c));
    set->stddev.push_back(0.25 + 0.01 * static_cast<double>(c));
  }
  return set;
}

}  // namespace darts::test
