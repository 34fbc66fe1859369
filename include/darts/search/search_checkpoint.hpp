#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/core/log.hpp>
#include <darts/data/run_images.hpp>
#include <darts/run/run_state.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/search_step.hpp>
#include <darts/search/supernet.hpp>

#include <cstdint>

namespace darts {

/// Where a search stands, beside its tensors.
struct SearchState : RunState {
  double best_accuracy = -1.0;  ///< validation accuracy of the best epoch; below 0: none yet
  std::int64_t best_epoch = 0;
  std::int64_t alphas_size = 0;  ///< length of alphas.jsonl that belongs to this state, bytes
  std::int64_t stage = 0;        ///< of the supernet
  SearchTrace trace = {};        ///< where search.early_stop needs one
};

/// The tensors of a checkpoint: supernet, optimizers. Shares their memory.
NamedTensors tensors_of(Supernet& supernet, SearchStep& step);

/// Puts them back. Throws Error if they do not fit; `file`: where they are from.
void restore_tensors(const Checkpoint& checkpoint, Supernet& supernet, SearchStep& step);

/// The stage that a checkpoint of a search was saved in. Throws Error if it is none of a search.
SearchStage stage_of(const Checkpoint& checkpoint, const SearchConfig& config);

/// What is saved and put back.
struct SearchParts {
  Supernet& supernet;
  SearchStep& step;
  RunImages images = {};  ///< that the run has, to be compared
};

/// A checkpoint of the search: supernet (`model.…`, theta included), both optimizers
/// (`w_optimizer.…`, `alpha_optimizer.…`), the state, the config, and which images the run has.
/// Shares the live tensors' memory: save it at once.
Checkpoint make_checkpoint(const SearchParts& parts, SearchState state, const SearchConfig& config);

/// Puts a checkpoint of a search back. Throws Error if it is not one of a search, or was written
/// with another config than this one or other images (in anything that changes results), naming the
/// first difference.
SearchState restore_checkpoint(const Checkpoint& checkpoint, const SearchParts& parts,
                               const SearchConfig& config);

/// Puts only the supernet's weights and theta back, from a checkpoint of any search or from an
/// imported one. What it has not of theta stays as it is in `supernet`, and so does the classifier
/// where the search had other classes than `class_names`. Throws Error if anything else does not
/// fit. Returns the names of what stayed of the classifier.
std::vector<std::string> restore_supernet(const Checkpoint& checkpoint, Supernet& supernet,
                                          const std::vector<std::string>& class_names);

/// The same for a search by `method` that starts from `checkpoint`, without decisions of a
/// selection; theta stays as it is where alphas mean something else to the method that found them.
/// Tells `log` what stayed.
void start_from(const Checkpoint& checkpoint, Supernet& supernet, const SearchMethod& method,
                const std::vector<std::string>& class_names, const Log& log);

/// Theta in a checkpoint, and how to derive from it. Throws Error if it has none.
struct StoredTheta {
  Theta theta;
  std::shared_ptr<const SearchMethod> method;
  SearchSpace space;
  std::int64_t epoch = 0;
};
StoredTheta theta_of(const Checkpoint& checkpoint);

}  // namespace darts
