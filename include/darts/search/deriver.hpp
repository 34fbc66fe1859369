#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/core/error.hpp>
#include <darts/search/theta.hpp>

namespace darts {

/// A search whose theta means no genotype yet, by the rules of its method.
class NoGenotypeError : public Error {
 public:
  using Error::Error;
};

/// Strengths → genotype (paper, section 2.4): every node keeps the edges from the
/// `space.kept_edges()` predecessors whose strongest operation other than `none` is strongest,
/// strongest first, each with that operation; ties go to the first edge and the first operation.
/// All nodes are concatenated. The normal cell has at most `space.most_skips` skip connections
/// (skip_cap.hpp).
///
/// @param strengths  edges × columns, `none` included; compared in their own precision, as in
///   the original, so that rounding ties fall the same way
/// Throws Error if they have no rows for whole nodes, a wrong number of columns, or are not finite.
Genotype derive_strongest(const ByCellType<at::Tensor>& strengths, const SearchSpace& space);

/// Throws Error if an alpha is not finite: a search that has diverged has no genotype, though the
/// softmax of −∞ is finite.
void check_finite(const Alphas& alphas);

}  // namespace darts
