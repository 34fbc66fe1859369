#pragma once

#include "cell_plan.hpp"

#include <darts/core/device.hpp>

#include <ATen/core/Tensor.h>

#include <memory>
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
  Precision storage = Precision::fp32;  ///< of what is kept: see make_cell_run()
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

/// One pass through a cell, forward and then, at most once, backward.
class CellRun {
 public:
  virtual ~CellRun() = default;

  /// → (N, nodes · C, H', W'), channels last.
  virtual at::Tensor forward(const CellInputs& inputs, const PassOptions& options) = 0;
  /// grad: gradient of the loss by forward()'s result. Gives up what forward() kept.
  virtual CellGradients backward(const at::Tensor& grad, const Wanted& wanted) = 0;
};

/// A pass in the type of `type`: float or double. With bf16 a pass in float stores the
/// convolutions' and pools' outputs as bfloat16; it computes in float all the same, and the batch
/// norms' statistics are those of the stored values.
std::unique_ptr<CellRun> make_cell_run(std::shared_ptr<const CellPlan> plan, at::ScalarType type,
                                       Precision storage = Precision::fp32);

}  // namespace darts::fused
