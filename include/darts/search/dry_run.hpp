#pragma once

#include <darts/core/log.hpp>
#include <darts/run/trial.hpp>
#include <darts/search/search_config.hpp>

#include <filesystem>

namespace darts {

/// `darts_search --dry-run`: reads the data, builds the supernet, runs two steps, and logs the
/// config, parameters and multiply-adds, steps an epoch, and estimates of time and memory. Writes
/// no file. `init_from`: a checkpoint that the run is to start from, which is tried; empty: none.
/// Returns what it measured.
Trial dry_run(const SearchConfig& config, const Log& log,
              const std::filesystem::path& init_from = {});

}  // namespace darts
