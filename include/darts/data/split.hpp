#pragma once

#include <cstdint>
#include <vector>

namespace darts {

/// Indices into a data set in two parts.
struct IndexSplit {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> rest;
};

/// The first ⌊portion · count⌋ indices and the remaining ones, both in file order: the original
/// DARTS trains w on indices[:split] and alpha on indices[split:] of the training images.
///
/// Throws Error unless `portion` is in [0, 1].
IndexSplit split_indices(std::int64_t count, double portion);

}  // namespace darts
