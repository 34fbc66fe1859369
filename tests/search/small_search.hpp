#pragma once

#include "search/darts_mixing.hpp"
#include "support/module_helpers.hpp"

#include <darts/data/batch_loader.hpp>
#include <darts/search/search_step.hpp>
#include <darts/search/supernet.hpp>

#include <c10/core/GradMode.h>

namespace darts::testing {

/// A supernet that takes milliseconds: one cell type each (reduction cells at 1 and 2 of 3).
inline SupernetOptions small_options() {
  SupernetOptions options;
  options.cells = 3;
  options.channels = 2;
  options.nodes = 2;
  options.stem_multiplier = 2;
  options.classes = 4;
  return options;
}

/// In float64, with w and alpha drawn from the seed; alpha is large enough to matter.
inline Supernet small_supernet(const SupernetOptions& options = small_options(),
                               std::uint64_t seed = 1) {
  Supernet supernet(options);
  make_double(*supernet);
  initialize_supernet(supernet, seed);
  const c10::NoGradGuard no_grad;
  supernet->alphas().normal.mul_(300.0);
  supernet->alphas().reduce.mul_(300.0);
  return supernet;
}

/// Four images of 8×8 in float64.
inline Batch small_batch(std::uint64_t seed) {
  return {random_normal({4, 3, 8, 8}, seed), random_labels(4, 4, seed)};
}

}  // namespace darts::testing
