#pragma once

#include <filesystem>

namespace darts::testing {

/// What tests read and run lies in the source and the build tree that they were made from, unless
/// the environment names another place, as for tests that were moved to another machine.

/// Small images and numbers: DARTS_TEST_DATA_DIR, else tests/fixtures.
std::filesystem::path test_data_folder();

/// Numbers recorded from the original, where no other folder is asked for: `golden` in
/// DARTS_TEST_DATA_DIR, else the folder that the build was told.
std::filesystem::path default_golden_folder();

/// The programs under test: DARTS_TEST_BIN_DIR, else the build's bin.
std::filesystem::path programs_folder();

/// Recipes and genotypes: DARTS_TEST_CONFIG_DIR, else configs.
std::filesystem::path configs_folder();

}  // namespace darts::testing
