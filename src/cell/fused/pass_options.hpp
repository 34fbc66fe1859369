#pragma once

#include "cell_plan.hpp"

#include <darts/core/device.hpp>

#include <ATen/core/Tensor.h>

#include <vector>

namespace darts::fused {

using plan::CellInputs;
using plan::CellPlan;
using plan::Edge;
using plan::Operation;
using plan::OperationKind;
using plan::Unit;
using plan::UnitKind;

struct PassOptions {
  bool training = true;    ///< batch statistics, which move the running ones; else these are used
  bool keep = true;        ///< backward() will follow
  bool recompute = false;  ///< keep only the inputs and the statistics for it, and compute again
  /// bf16: in float32 the convolutions' and pools' outputs are stored as bfloat16. The arithmetic
  /// is float32's all the same, and the batch norms' statistics are those of the stored values.
  Precision storage = Precision::fp32;
  at::Tensor active = {};  ///< the operations that are run, as of Mixing
  /// What drop path multiplies the edges' outputs with: edges × images, float64; undefined: nothing
  /// is dropped. CellRun draws it.
  at::Tensor dropped = {};
};

/// Which gradients backward() computes; what leads to none of them is left out.
struct Wanted {
  bool s0 = true;
  bool s1 = true;
  bool weights = true;
};

struct CellGradients {
  at::Tensor s0;
  at::Tensor s1;
  at::Tensor mixing;
  std::vector<at::Tensor> weights;  ///< as CellPlan::weights; empty: not wanted
};

}  // namespace darts::fused
