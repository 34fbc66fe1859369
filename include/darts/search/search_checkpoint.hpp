#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/search_step.hpp>
#include <darts/search/supernet.hpp>

#include <cstdint>

namespace darts {

/// Where a search stands, beside its tensors: all that a resumed run needs to go on as if it had
/// never stopped. Random numbers and the order of images are functions of the seed, the epoch and
/// the step.
struct SearchState {
  std::int64_t epoch = 0;  ///< epochs finished, which is the number of the running one
  std::int64_t step = 0;   ///< steps done in the running epoch

  // Sums over the running epoch's steps.
  double loss_sum = 0.0;  ///< batch loss × images
  std::int64_t correct = 0;
  std::int64_t images = 0;
  double seconds = 0.0;         ///< wall time
  double loader_seconds = 0.0;  ///< of these, waiting for batches

  double best_accuracy = -1.0;  ///< validation accuracy of the best epoch; below 0: none yet
  std::int64_t best_epoch = 0;

  // Lengths of the run directory's record files, bytes: what comes later is not part of this state.
  std::int64_t metrics_size = 0;
  std::int64_t alphas_size = 0;
};

/// A checkpoint of the search: supernet (`model.…`, theta included), both optimizers
/// (`w_optimizer.…`, `alpha_optimizer.…`), the state and the config. Shares the live tensors'
/// memory: save it at once.
Checkpoint make_checkpoint(Supernet& supernet, SearchStep& step, const SearchState& state,
                           const SearchConfig& config);

/// Puts a checkpoint of a search back. Throws Error if it is not one of a search, or was written
/// with another config than this one (in anything that changes results), naming the first
/// difference.
SearchState restore_checkpoint(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step,
                               const SearchConfig& config);

/// Puts only the supernet's weights and theta back, from a checkpoint of any search or from an
/// imported one; what it has not of theta stays as it is in `supernet`.
void restore_supernet(const Checkpoint& checkpoint, Supernet& supernet);

/// Theta in a checkpoint, and how to derive from it. Throws Error if it has none.
struct StoredTheta {
  Theta theta;
  std::string method = "darts";
  SearchSpace space;
  std::int64_t epoch = 0;
};
StoredTheta theta_of(const Checkpoint& checkpoint);

}  // namespace darts
