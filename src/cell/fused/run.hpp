#pragma once

#include "bypass.hpp"
#include "processor.hpp"

#include <optional>

namespace darts::fused {

/// One pass through a cell, forward and then, at most once, backward: the schedule of what is
/// computed from what, and of what is kept, let go of or computed again. The arithmetic is the
/// processor's.
class CellRun {
 public:
  explicit CellRun(std::shared_ptr<const CellPlan> plan) : plan_(std::move(plan)) {}

  /// float32 or float64 → (N, nodes · C, H', W'), channels last.
  at::Tensor forward(const CellInputs& inputs, const PassOptions& options);
  /// grad: gradient of the loss by forward()'s result. Gives up what forward() kept.
  CellGradients backward(const at::Tensor& grad, const Wanted& wanted);

 private:
  at::Tensor draw_dropped() const;
  void run_states();
  at::Tensor node_value(std::int64_t node);
  CellGradients backward_beside_bypass(const at::Tensor& grad, const Wanted& wanted,
                                       CellGradients gradients);
  void release_spare();
  void leave_backward(StatePass& from, const Wanted& wanted, std::vector<at::Tensor>& of_states,
                      CellGradients& gradients);

  std::shared_ptr<const CellPlan> plan_;
  CellInputs inputs_;
  PassOptions options_;
  std::unique_ptr<Processor> processor_;  ///< null: there is nothing to go backward through
  std::vector<StatePass> states_;
  std::optional<Bypass> bypass_;  ///< of a cell with partial channels
};

}  // namespace darts::fused
