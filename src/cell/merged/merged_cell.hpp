#pragma once

#include "cell_plan.hpp"

#include <ATen/core/Tensor.h>

namespace darts::merged {

struct MergedOptions {
  bool training = true;    ///< batch statistics, which move the running ones; else these are used
  at::Tensor active = {};  ///< the operations that are run, as of Mixing
};

/// The mixed cell state by state in LibTorch's operations, for devices that our own kernels are not
/// for: ReLU, pools and their batch norm once a state; the convolutions of one kind of all edges
/// that leave it as one grouped convolution, their batch norms as one, with alpha as its scale.
/// There are fewer and larger operations than in the plain way, and fewer tensors to keep.
/// Differentiable by autograd, any number of times.
///
/// → (N, nodes · C, H', W').
at::Tensor merged_cell(const plan::CellPlan& plan, const plan::CellInputs& inputs,
                       const MergedOptions& options);

}  // namespace darts::merged
