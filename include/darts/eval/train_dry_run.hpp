#pragma once

#include <darts/core/log.hpp>
#include <darts/eval/train_config.hpp>

namespace darts {

/// `darts_train --dry-run`: reads the data, builds the network, runs two steps, and logs the
/// config, parameters and multiply-adds, steps an epoch, and estimates of time and memory. Writes
/// no file.
void train_dry_run(const TrainConfig& config, const Genotype& genotype, const Log& log);

}  // namespace darts
