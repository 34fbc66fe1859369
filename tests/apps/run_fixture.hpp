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

/// A program that runs for long, on 48 made-up images: a run takes about a second.
class RunFixture : public ::testing::Test {
 protected:
  static constexpr int images = 48;  ///< to train on, and as many to test on

  /// `program`'s recipe is what all have in common, then `yaml`.
  RunFixture(std::string program, const std::string& yaml);

  /// A place in the test's own folder.
  std::filesystem::path at(const std::string& name) const { return folder_ / name; }
  /// The folder that run directories are made in.
  std::filesystem::path runs() const { return at("runs"); }
  std::filesystem::path recipe_file() const { return at("tiny.yaml"); }

  /// Writes photographs of two classes, each `copies` times three to train and to test on, and a
  /// broken one to train on, as ImageNet. Returns the settings to see 32×32 pixels of them.
  std::vector<std::string> write_photographs(int copies) const;

  /// --config tiny.yaml, and --set for each of `settings`.
  Arguments recipe(const std::vector<std::string>& settings = {}) const;

  Program start(const Arguments& arguments, const ProgramLimits& limits = {}) const;
  ProgramResult run(const Arguments& arguments, const ProgramLimits& limits = {}) const;

  /// Runs to the end; returns the run directory.
  std::filesystem::path finish(const Arguments& arguments) const;

  /// Expects one "error: …" line and nothing else on standard error, and a plain exit status that
  /// is not 0. Returns the line.
  std::string error_of(const Arguments& arguments) const;

  /// Starts a run and kills it as soon as its folder is there, before the first checkpoint.
  std::filesystem::path start_and_kill(const Arguments& arguments) const;
  /// Stops a run by `signal` once metrics.jsonl has `records` records; returns the run directory.
  std::filesystem::path start_and_stop(const Arguments& arguments, int signal,
                                       std::size_t records) const;
  /// Kills a run at random moments, going on each time, and expects that what comes out in the end
  /// is what an unbroken run gives. `steps`: of the whole run; `steps_per_epoch` of an epoch.
  void expect_kills_do_not_matter(const Arguments& arguments, int steps, int steps_per_epoch) const;

 private:
  TemporaryFolder folder_;
  std::string program_;
};

/// darts_search with a supernet of one cell.
class SearchFixture : public RunFixture {
 protected:
  SearchFixture();
};

/// darts_train with a network of one cell. `--genotype` is part of recipe().
class TrainFixture : public RunFixture {
 protected:
  TrainFixture();

  std::filesystem::path genotype_file() const { return at("genotype.txt"); }
  Arguments recipe(const std::vector<std::string>& settings = {}) const;
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
