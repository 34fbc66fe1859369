#pragma once

#include "pass.hpp"

namespace darts::fused {

/// The backward pass after run_states(), state by state from the last node to the first input.
/// grad: (N, nodes · C, H', W'). Lets go of what the forward pass computed as it goes.
template <class T, class S>
CellGradients run_backward(CellPass<T, S>& pass, const at::Tensor& grad, const Wanted& wanted);

}  // namespace darts::fused
