#pragma once

#include <darts/cell/cell_type.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace darts {

/// What the cells of one type are run with.
struct Mixing {
  Mixing() = default;
  Mixing(at::Tensor weights, at::Tensor run_only = {})  // NOLINT(google-explicit-constructor)
      : operations(std::move(weights)), active(std::move(run_only)) {}

  /// Mixing weights, edges × columns: softmax(alpha) in DARTS; and behind them the columns of what
  /// EdgeOptions add.
  at::Tensor operations;
  /// The operations that are run, edges × columns, bool, on the CPU; the others are not computed,
  /// and the gradients of their mixing weights are 0. Undefined: all of them. What EdgeOptions add
  /// is always run.
  at::Tensor active;
};

using Mixings = ByCellType<Mixing>;

/// Whether an edge's operation is run, as of Mixing::active.
bool is_active(const at::Tensor& active, std::int64_t edge, std::int64_t column);

}  // namespace darts
