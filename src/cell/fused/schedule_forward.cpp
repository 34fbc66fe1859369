#include "run.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/ops/stack.h>

namespace darts::fused {

at::Tensor CellRun::forward(const CellInputs& inputs, const PassOptions& options) {
  inputs_ = inputs;
  options_ = options;
  options_.dropped = draw_dropped();
  states_ = states_of(*plan_, options);
  processor_ = make_processor(plan_, inputs, options_);
  run_states();
  at::Tensor out;
  if (bypass_) {
    out = bypass_->output();
  } else {
    std::vector<at::Tensor> nodes;
    for (auto node = states_.begin() + cell_inputs; node != states_.end(); ++node) {
      nodes.push_back(node->value);
    }
    out = processor_->to_images(nodes);
  }
  release_spare();
  return out;
}

/// Factors of all edges' outputs; undefined where drop path drops none.
at::Tensor CellRun::draw_dropped() const {
  std::vector<at::Tensor> rows;
  for (const Edge& edge : plan_->edges) {
    if (edge.drop_path && options_.training) {
      const at::Tensor factors = edge.drop_path->draw(inputs_.s1.size(0), inputs_.s1.device());
      if (factors.defined()) {
        rows.push_back(factors);
      }
    }
  }
  return rows.empty() ? at::Tensor() : at::stack(rows);
}

/// All states and what leaves them; a run that recomputes comes here twice.
void CellRun::run_states() {
  if (plan_->has_bypass()) {
    bypass_.emplace(plan_, inputs_);
  }
  for (StatePass& state : states_) {
    if (state.index < cell_inputs) {
      state.value = processor_->to_state(state.index == 0 ? inputs_.s0 : inputs_.s1, 0);
    } else {
      state.value = node_value(state.index);
    }
    if (state.index + 1 < plan_->states()) {
      processor_->run_dropout(state);
      processor_->run_first_units(state);
      processor_->run_second_units(state);
    }
  }
}

/// As operations see it.
at::Tensor CellRun::node_value(std::int64_t node) {
  const at::Tensor sum = processor_->sum_node(entering(states_, node));
  if (!bypass_) {
    return sum;
  }
  bypass_->join(node, processor_->to_images({&sum, 1}));
  return processor_->to_state(bypass_->whole(node), 0);
}

/// Of what forward() has made the backward pass needs neither the last node nor, since they are
/// made again in no time, the pools: a tenth of all.
void CellRun::release_spare() {
  if (!options_.keep) {
    processor_.reset();
    states_.clear();
    bypass_.reset();
    inputs_ = {};
    return;
  }
  if (options_.recompute) {
    bypass_.reset();
  }
  for (StatePass& state : states_) {
    options_.recompute ? state.release() : state.release_spare();
  }
  states_.back().value.reset();
}

}  // namespace darts::fused
