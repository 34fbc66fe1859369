#include "run.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/ops/zeros_like.h>

#include <utility>

namespace darts::fused {

CellGradients CellRun::backward(const at::Tensor& grad, const Wanted& wanted) {
  TORCH_CHECK(processor_ != nullptr,
              "fused cell: a pass goes backward once; retain_graph is for the plain execution");
  if (options_.recompute) {
    run_states();
  }
  CellGradients gradients;
  gradients.mixing = at::zeros_like(inputs_.mixing, at::MemoryFormat::Contiguous);
  if (wanted.weights) {
    gradients.weights.resize(plan_->weights.size());
  }
  if (bypass_) {
    return backward_beside_bypass(grad, wanted, std::move(gradients));
  }
  std::vector<at::Tensor> of_states(states_.size());
  for (std::int64_t node = 0; node < plan_->nodes; ++node) {
    of_states[static_cast<std::size_t>(cell_inputs + node)] =
        processor_->to_state(grad, node * plan_->channels);
  }
  for (auto state = states_.rbegin() + 1; state != states_.rend(); ++state) {
    leave_backward(*state, wanted, of_states, gradients);
  }
  const auto of_input = [&](const at::Tensor& gradient) {
    return gradient.defined() ? processor_->to_images({&gradient, 1}) : at::Tensor();
  };
  gradients.s0 = of_input(of_states[0]);
  gradients.s1 = of_input(of_states[1]);
  processor_.reset();
  states_.clear();
  inputs_ = {};
  return gradients;
}

/// The same for a cell with partial channels: a node's gradient is complete once all that leaves it
/// has come back, and then goes to its operations and past them.
CellGradients CellRun::backward_beside_bypass(const at::Tensor& grad, const Wanted& wanted,
                                              CellGradients gradients) {
  std::vector<at::Tensor> of_sums(states_.size());
  bypass_->begin_backward(grad);
  for (auto state = states_.rbegin(); state != states_.rend(); ++state) {
    const auto place = static_cast<std::size_t>(state->index);
    if (state != states_.rbegin()) {
      leave_backward(*state, wanted, of_sums, gradients);
      if (const at::Tensor came_back = std::exchange(of_sums[place], {}); came_back.defined()) {
        bypass_->add(state->index, processor_->to_images({&came_back, 1}));
      }
    }
    if (state->index >= cell_inputs) {
      of_sums[place] = processor_->to_state(bypass_->part(state->index, gradients.mixing), 0);
    }
  }
  gradients.s0 = wanted.s0 ? bypass_->gradient(0) : at::Tensor();
  gradients.s1 = wanted.s1 ? bypass_->gradient(1) : at::Tensor();
  processor_.reset();
  states_.clear();
  bypass_.reset();
  inputs_ = {};
  return gradients;
}

/// Gradients of all that leaves a state; those of the later states are complete.
void CellRun::leave_backward(StatePass& from, const Wanted& wanted,
                             std::vector<at::Tensor>& of_states, CellGradients& gradients) {
  processor_->run_dropout(from);
  processor_->run_alpha_gradient(from, of_states, gradients.mixing);
  const bool state_wanted = from.index >= cell_inputs || (from.index == 0 ? wanted.s0 : wanted.s1);
  if (state_wanted || wanted.weights) {
    std::vector<at::Tensor>* const weights = wanted.weights ? &gradients.weights : nullptr;
    processor_->run_second_units_backward(from, of_states, weights);
    for (ConvolutionPass& convolution : from.convolutions) {
      if (convolution.second) {
        convolution.second->z.reset();
      }
    }
    of_states[static_cast<std::size_t>(from.index)] =
        processor_->run_first_units_backward(from, of_states, state_wanted, weights);
  }
  from.release();
}

}  // namespace darts::fused
