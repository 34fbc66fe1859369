#pragma once

#include "batch/batch_norm.hpp"
#include "geometry.hpp"

#include <darts/ops/norm_block.hpp>

namespace darts::norm_block {

/// A block in a pass: what goes in, and what the backward pass needs.
struct NormBlockPass {
  std::vector<NormUnit> units;
  at::Tensor x;
  NormBlockOutput output;
  std::vector<at::Tensor> z;  ///< what goes into each batch norm
  std::vector<batch::BatchStatistics> statistics;
};

struct NormBlockGradients {
  at::Tensor x;
  /// Of each unit: depthwise, pointwise, scale, shift, as far as it has them.
  std::vector<at::Tensor> weights;
};

/// Whether there are kernels for all units and values of this type.
bool has_kernels(const std::vector<NormUnit>& units, at::ScalarType type);
/// Whether x is what the block takes; errors are left to the plain way.
bool fits(const NormBlockPass& pass);

/// With batch statistics, which move the running ones; fills in `z` and `statistics`.
at::Tensor train_forward(NormBlockPass& pass);
/// With the running statistics.
at::Tensor test_forward(const NormBlockPass& pass);

struct NormBlockWanted {
  bool x = true;
  bool weights = true;
};
NormBlockGradients train_backward(const NormBlockPass& pass, const at::Tensor& gradient,
                                  const NormBlockWanted& wanted);

}  // namespace darts::norm_block
