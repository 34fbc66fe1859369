#include "support/golden.hpp"

#include "support/test_paths.hpp"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/serialize.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;

constexpr double smallest_scale = 1e-9;

/// DARTS_GOLDEN_DIR; empty if it is not set.
fs::path given_folder() {
  const char* given = std::getenv("DARTS_GOLDEN_DIR");
  return given == nullptr ? "" : given;
}

/// `prefix` may begin with a sub-folder, which need not be there.
std::vector<fs::path> files_in(const fs::path& folder, const fs::path& prefix,
                               const std::string& extension) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder / prefix.parent_path(), none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix.filename().string()) && name.ends_with(extension)) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

void for_each_golden_file(const std::string& prefix, const std::string& extension,
                          const std::function<void(const fs::path&)>& action) {
  const fs::path folder = given_folder().empty() ? default_golden_folder() : given_folder();
  ASSERT_TRUE(fs::is_directory(folder)) << folder << " is not a folder";
  const std::vector<fs::path> files = files_in(folder, prefix, extension);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    action(file);
  }
  expect_found(static_cast<int>(files.size()), prefix + "*" + extension);
}

void expect_found(int found, const std::string& what) {
  if (found == 0 && !given_folder().empty()) {
    GTEST_SKIP() << "no " << what << " in DARTS_GOLDEN_DIR " << given_folder();
  }
  EXPECT_GT(found, 0) << "no " << what << " in " << default_golden_folder();
}

Golden read_golden(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)),
                                std::istreambuf_iterator<char>());
  Golden golden;
  for (const auto& entry : torch::pickle_load(bytes).toGenericDict()) {
    golden.emplace(entry.key().toStringRef(), entry.value().toTensor());
  }
  return golden;
}

Golden part_of(const Golden& golden, const std::string& prefix) {
  const std::string start = prefix + "/";
  Golden part;
  for (const auto& [name, tensor] : golden) {
    if (name.starts_with(start)) {
      part.emplace(name.substr(start.size()), tensor);
    }
  }
  return part;
}

std::set<std::string> groups_of(const Golden& golden, int depth) {
  std::set<std::string> groups;
  for (const auto& [name, tensor] : golden) {
    std::size_t end = 0;
    for (int i = 0; i < depth && end != std::string::npos; ++i) {
      end = name.find('/', i == 0 ? 0 : end + 1);
    }
    if (end != std::string::npos) {
      groups.insert(name.substr(0, end));
    }
  }
  return groups;
}

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  if (!actual.defined() || actual.sizes() != expected.sizes() ||
      !at::isfinite(actual).all().item<bool>()) {
    return std::numeric_limits<double>::infinity();
  }
  if (expected.numel() == 0) {
    return 0.0;
  }
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble);
  const at::Tensor b = expected.detach().to(at::kCPU, at::kDouble);
  return (a - b).abs().max().item<double>() /
         std::max(smallest_scale, b.abs().max().item<double>());
}

Comparison::~Comparison() {
  if (compared_ == 0 && !::testing::Test::IsSkipped()) {
    ADD_FAILURE() << what_ << ": nothing was compared";
  }
  std::printf("%s: %d tensors compared, largest relative error %.2e (%s)\n", what_.c_str(),
              compared_, largest_, worst_.c_str());
}

void Comparison::expect_close(const at::Tensor& actual, const at::Tensor& expected,
                              double tolerance, const std::string& name) {
  const double error = relative_error(actual, expected);
  EXPECT_LE(error, tolerance) << name;
  ++compared_;
  if (error > largest_) {
    largest_ = error;
    worst_ = name;
  }
}

void Comparison::expect_close(double actual, const at::Tensor& expected, double tolerance,
                              const std::string& name) {
  expect_close(at::scalar_tensor(actual, at::kDouble), expected, tolerance, name);
}

}  // namespace darts::testing
