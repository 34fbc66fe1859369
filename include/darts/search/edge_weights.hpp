#pragma once

#include <ATen/core/Tensor.h>

namespace darts {

// Weights of edges beside those of their operations (PC-DARTS, Xu et al. 2020, section 3.2), a
// value an edge.

/// softmax over the edges that enter each node.
at::Tensor softmax_by_node(const at::Tensor& betas);

/// Divided by its sum over the edges that enter each node.
at::Tensor normalized_by_node(const at::Tensor& weights);

/// Mixing weights of cells with partial channels: an operation's times its edge's, and behind them
/// the edge's, of what passes by.
at::Tensor weigh_edges(const at::Tensor& operations, const at::Tensor& edges);

}  // namespace darts
