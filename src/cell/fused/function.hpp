#pragma once

#include "pass_options.hpp"

#include <memory>

namespace darts::fused {

/// Whether autograd would ask for a gradient of any of these.
bool needs_gradient(const CellInputs& inputs, const CellPlan& plan);

/// The mixed cell as one differentiable function of its inputs and weights. Throws c10::Error for
/// inputs of unequal sizes.
at::Tensor fused_cell(const std::shared_ptr<const CellPlan>& plan, const CellInputs& inputs,
                      const PassOptions& options);

}  // namespace darts::fused
