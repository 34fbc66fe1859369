#pragma once

#include "apps/program.hpp"
#include "core/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::testing {

using Arguments = std::vector<std::string>;

/// darts_search on 48 made-up images and with a supernet of one cell: a run takes about a second.
class SearchFixture : public ::testing::Test {
 protected:
  static constexpr int images = 48;

  SearchFixture();

  /// A place in the test's own folder.
  std::filesystem::path at(const std::string& name) const { return folder_ / name; }
  /// The folder that run directories are made in.
  std::filesystem::path runs() const { return at("runs"); }
  std::filesystem::path recipe_file() const { return at("tiny.yaml"); }

  /// Writes `count` images of random pixels as Fashion-MNIST into `root`.
  static void write_data(const std::filesystem::path& root, int count);

  /// --config tiny.yaml, and --set for each of `settings`.
  Arguments recipe(const std::vector<std::string>& settings = {}) const;

  Program start(const Arguments& arguments, std::uint64_t file_size_limit = 0) const;
  ProgramResult run(const Arguments& arguments, std::uint64_t file_size_limit = 0) const;

  /// Runs to the end; returns the run directory.
  std::filesystem::path finish(const Arguments& arguments) const;

  /// Expects one "error: …" line and nothing else on standard error, and a plain exit status that
  /// is not 0. Returns the line.
  std::string error_of(const Arguments& arguments) const;

 private:
  TemporaryFolder folder_;
};

/// What a program's line "run directory: PATH" says; fails the test without one.
std::filesystem::path run_directory_of(const std::string& out);

/// The newest checkpoint of a run; empty if there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run);

/// Expects the same names, types, shapes and bytes of all tensors in two checkpoint files.
void expect_same_tensors(const std::filesystem::path& a, const std::filesystem::path& b);

/// Expects that two runs cannot be told apart, but for times: alphas and genotypes to the byte,
/// metrics, files, and the newest and best checkpoint's tensors and state.
void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace darts::testing
