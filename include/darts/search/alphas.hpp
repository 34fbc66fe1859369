#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace darts {

/// The architecture parameters alpha (paper, section 2.2): for each type of cell one row an edge
/// and one column a primitive, before softmax; shared by all cells of the type. 14×8 in the paper's
/// space.
struct Alphas {
  at::Tensor normal;
  at::Tensor reduce;
};

/// Makes `gradients` (normal, reduce) the alphas' grad().
void set_gradients(const Alphas& alphas, const std::vector<at::Tensor>& gradients);

/// Mean over the edges of the entropy of softmax(alpha), in nats: ln(primitives) when undecided, 0
/// when every edge has chosen. `alpha`: edges × primitives.
double mean_entropy(const at::Tensor& alpha);

}  // namespace darts
