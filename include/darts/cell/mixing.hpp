#pragma once

#include <darts/cell/cell_type.hpp>

#include <ATen/core/Tensor.h>

namespace darts {

/// What the cells of one type are run with.
struct Mixing {
  at::Tensor operations;  ///< mixing weights, edges × columns: softmax(alpha) in DARTS
};

using Mixings = ByCellType<Mixing>;

}  // namespace darts
