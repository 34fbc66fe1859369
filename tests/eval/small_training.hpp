#pragma once

#include "support/module_helpers.hpp"
#include "support/test_paths.hpp"

#include <darts/data/batch_loader.hpp>
#include <darts/eval/train_config.hpp>

namespace darts::testing {

constexpr std::int64_t small_training_classes = 4;

/// The network of DARTS_V2's cells that the config asks for, in float64, with weights of N(0,
/// 0.4²).
inline EvaluationNetwork small_training_network(const TrainConfig& config) {
  EvaluationNetwork network(
      network_options(config, load_genotype(configs_folder() / "genotypes/DARTS_V2.json"), 3,
                      small_training_classes));
  make_double(*network);
  randomize_parameters(*network, 0.4, 3);
  return network;
}

/// Images of 32×32 in float64.
inline Batch small_training_batch(std::int64_t count, std::uint64_t seed) {
  return {random_normal({count, 3, 32, 32}, seed),
          random_labels(count, small_training_classes, seed + 1)};
}

}  // namespace darts::testing
