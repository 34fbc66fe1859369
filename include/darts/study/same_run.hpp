#pragma once

#include <darts/core/error.hpp>
#include <darts/run/load_config.hpp>
#include <darts/run/run_checkpoint.hpp>

#include <filesystem>
#include <system_error>

namespace darts {

/// Throws Error where the run directory `folder` is there and was begun with a config that gives
/// other results than `config` (a SearchConfig or TrainConfig).
template <class Config>
void check_same_run(const std::filesystem::path& folder, const Config& config) {
  const std::filesystem::path file = folder / "config.yaml";
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) &&
      identity_of(load_config<Config>(file)) != identity_of(config)) {
    throw Error(file.string() +
                " is not as this study would have it; take another folder (--dir) for a study that "
                "has changed, or put the parts of one study together");
  }
}

}  // namespace darts
