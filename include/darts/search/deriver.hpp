#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/search/alphas.hpp>

#include <vector>

namespace darts {

struct DeriverOptions {
  std::vector<Primitive> primitives = default_primitives();  ///< the columns of alpha
  std::int64_t edges_per_node = 2;                           ///< k (paper, section 2.4)
};

/// alpha → genotype (paper, section 2.4): every node keeps the edges from the `edges_per_node`
/// predecessors whose strongest operation other than `none` is strongest, strongest first, each
/// with that operation. Strength is the softmax over all the edge's operations, `none` included;
/// ties go to the first edge and the first operation. All nodes are concatenated.
///
/// Throws Error if an alpha has no rows for whole nodes, a wrong number of columns, or is not
/// finite.
Genotype derive(const Alphas& alphas, const DeriverOptions& options);

}  // namespace darts
