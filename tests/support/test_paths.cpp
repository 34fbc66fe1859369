#include "support/test_paths.hpp"

#include <cstdlib>

namespace darts::testing {
namespace {

/// The folder that `variable` names; empty if it is not set.
std::filesystem::path given(const char* variable) {
  const char* folder = std::getenv(variable);
  return folder == nullptr ? "" : folder;
}

std::filesystem::path given_or(const char* variable, const char* otherwise) {
  const std::filesystem::path folder = given(variable);
  return folder.empty() ? otherwise : folder;
}

}  // namespace

std::filesystem::path test_data_folder() {
  return given_or("DARTS_TEST_DATA_DIR", DARTS_SOURCE_DIR "/tests/fixtures");
}

std::filesystem::path default_golden_folder() {
  const std::filesystem::path folder = given("DARTS_TEST_DATA_DIR");
  return folder.empty() ? DARTS_DEFAULT_GOLDEN_DIR : folder / "golden";
}

std::filesystem::path programs_folder() { return given_or("DARTS_TEST_BIN_DIR", DARTS_BIN_DIR); }

std::filesystem::path configs_folder() {
  return given_or("DARTS_TEST_CONFIG_DIR", DARTS_SOURCE_DIR "/configs");
}

}  // namespace darts::testing
