#pragma once

#include "run.hpp"

namespace darts::fused {

/// The mixed cell as one differentiable function of its inputs and weights.
at::Tensor fused_cell(const std::shared_ptr<const CellPlan>& plan, const CellInputs& inputs,
                      const PassOptions& options);

}  // namespace darts::fused
