#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace darts::testing {

/// Recorded numbers by name (tests/fixtures/golden/README.md says what the names mean).
using Golden = std::map<std::string, at::Tensor>;

/// Calls `action` with every file of the golden folder whose name begins with `prefix` and ends
/// with `extension`; "methods/…" are those of its sub-folder. The folder is DARTS_GOLDEN_DIR of the
/// environment; if that is not set, the one of the build. No such file is a failure in the build's
/// folder and skips the test in another.
void for_each_golden_file(const std::string& prefix, const std::string& extension,
                          const std::function<void(const std::filesystem::path&)>& action);

/// For kinds of files that their names do not tell apart: if none was `found`, the test fails in
/// the build's folder and is skipped in another.
void expect_found(int found, const std::string& what);

/// A dictionary of tensors as torch.save writes it.
Golden read_golden(const std::filesystem::path& file);

/// The entries PREFIX/NAME, as NAME.
Golden part_of(const Golden& golden, const std::string& prefix);

/// What stands before the first `depth` slashes of the names that have as many.
std::set<std::string> groups_of(const Golden& golden, int depth);

/// max |a − b| / max |b|, with max |b| not taken below 1e-9; infinite if shapes differ or `actual`
/// is not finite. They may be on different devices.
double relative_error(const at::Tensor& actual, const at::Tensor& expected);

/// Compares tensors with recorded ones, each within a tolerance, and reports the largest deviation
/// on standard output at the end of its life.
class Comparison {
 public:
  explicit Comparison(std::string what) : what_(std::move(what)) {}
  ~Comparison();
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance,
                    const std::string& name);
  void expect_close(double actual, const at::Tensor& expected, double tolerance,
                    const std::string& name);

 private:
  std::string what_;
  std::string worst_;
  double largest_ = -1.0;
  int compared_ = 0;
};

}  // namespace darts::testing
