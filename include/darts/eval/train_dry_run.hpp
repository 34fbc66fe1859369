#pragma once

#include <darts/core/log.hpp>
#include <darts/eval/train_config.hpp>
#include <darts/run/trial.hpp>

#include <filesystem>

namespace darts {

/// `darts_train --dry-run`: reads the data, builds the network, runs two steps, and logs the
/// config, parameters and multiply-adds, steps an epoch, and estimates of time and memory. Writes
/// no file. `init_from`: a checkpoint that the run is to start from, which is tried; empty: none.
/// Returns what it measured.
Trial train_dry_run(const TrainConfig& config, const Genotype& genotype, const Log& log,
                    const std::filesystem::path& init_from = {});

}  // namespace darts
