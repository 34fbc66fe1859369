#pragma once

#include "pass_options.hpp"

namespace darts::fused {

/// What passes the operations of a cell with partial channels by: of every state the channels that
/// the operations do not see, each edge's times its mixing weight (PC-DARTS, Xu et al. 2020). Keeps
/// whole states, (N, K · C, H, W), beside those that a pass holds of the operations' channels.
class Bypass {
 public:
  Bypass(std::shared_ptr<const CellPlan> plan, const CellInputs& inputs);

  /// A state as the cells know it: an input, or a node that has been joined.
  const at::Tensor& whole(std::int64_t state) const {
    return whole_[static_cast<std::size_t>(state)];
  }
  /// Makes a node of its operations' sum, (N, C, H', W').
  void join(std::int64_t node, const at::Tensor& operations);
  /// All nodes one after the other.
  at::Tensor output() const;

  // Backward, state by state, the last one first.

  /// grad: of output().
  void begin_backward(const at::Tensor& grad);
  /// Adds what came back through the operations that leave a state.
  void add(std::int64_t state, const at::Tensor& operations);
  /// The gradient of a node's operations' sum. What passed the node's edges by goes back to the
  /// states, and the gradients of their mixing weights into `mixing`. All that leaves the node has
  /// to be there.
  at::Tensor part(std::int64_t node, const at::Tensor& mixing);
  /// The complete gradient of an input.
  at::Tensor gradient(std::int64_t state);

 private:
  double weight(const Edge& edge) const;
  std::int64_t passing() const { return (plan_->partial - 1) * plan_->channels; }
  const at::Tensor& passing_by(std::int64_t state);

  std::shared_ptr<const CellPlan> plan_;
  at::Tensor mixing_;  ///< float64, on the CPU
  std::vector<at::Tensor> whole_;
  std::vector<at::Tensor> passing_;    ///< of each state, at the nodes' size
  std::vector<at::Tensor> positions_;  ///< of maxima, where a reduction cell pools
  std::vector<at::Tensor> gradients_;  ///< of whole_
  std::vector<at::Tensor> back_;       ///< of passing_
};

}  // namespace darts::fused
