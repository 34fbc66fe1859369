#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/data/run_images.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/run/run_state.hpp>

#include <cstdint>

namespace darts {

/// Where a training stands, beside its tensors.
struct TrainState : RunState {
  // Over all finished epochs.
  double total_seconds = 0.0;
  std::int64_t total_images = 0;
  std::int64_t averaged = 0;  ///< steps that the moving average has seen

  // Test figures; below 0: none yet.
  double last_top1 = -1.0;
  double last_top5 = -1.0;
  double last_loss = -1.0;
  std::int64_t last_skipped = 0;  ///< test images that could not be read
  double best_top1 = -1.0;
  std::int64_t best_epoch = 0;
};

/// What is saved and put back. `average` is null without a moving average.
struct TrainParts {
  EvaluationNetwork& network;
  EvaluationNetwork& average;
  TrainStep& step;
  RunImages images = {};  ///< that the run has, to be compared
};

/// A checkpoint of a training: network (`model.…`), moving average (`average.…`), optimizer
/// (`w_optimizer.…`), the state, the config, which images the run has, and the description of the
/// network. Shares the live tensors' memory: save it at once.
Checkpoint make_checkpoint(const TrainParts& parts, TrainState state, const TrainConfig& config,
                           const NetworkDescription& network);

/// Puts a checkpoint of a training back. Throws Error if it is not one of a training, or was
/// written with another config, genotype or other images (in anything that changes results), naming
/// the first difference.
TrainState restore_checkpoint(const Checkpoint& checkpoint, const TrainParts& parts,
                              const TrainConfig& config, const NetworkDescription& network);

}  // namespace darts
