#pragma once

#include "states.hpp"

#include <span>

namespace darts::fused {

/// One tensor a state, or several of its size.
using Tensors = std::span<const at::Tensor>;

/// What does the arithmetic of one pass through a cell, and knows what is small: the weights in its
/// kernels' order, the mixing weights, the batch norms' statistics. The schedule (run.hpp)
/// calls it with whole batches, says what is computed when, and holds the tensors; it never looks
/// at a number in them, so that a processor on another device need not be waited for.
///
/// A call does all that can be done while an image is in a cache, and may go through the batch as
/// it likes; results must be the same every time.
class Processor {
 public:
  virtual ~Processor() = default;

  /// The plan's channels of (N, …, H, W) from `first_channel` on, as a state.
  virtual at::Tensor to_state(const at::Tensor& images, std::int64_t first_channel) const = 0;
  /// The channels of several states one after the other: (N, states · C, H, W), channels last.
  virtual at::Tensor to_images(Tensors states) const = 0;

  // Forward. Statistics that are known already, from a run before, are used and nothing moves.

  /// What dropout leaves of a state on each skip connection, where that is not there. What is kept
  /// is drawn once a pass.
  virtual void run_dropout(StatePass& from) = 0;
  /// The pools and the first units of all convolutions that leave a state, and the statistics of
  /// their batch norms.
  virtual void run_first_units(StatePass& from) = 0;
  /// The second units, and their statistics.
  virtual void run_second_units(StatePass& from) = 0;
  /// A node: the sum of what enters it.
  virtual at::Tensor sum_node(std::span<const Summand> entering) = 0;

  // Backward, state by state, the last one first. gradients: of each state's value; of those that
  // come later they are complete, and the state's own is undefined or that of the cell's output.

  /// Gradients of the mixing weights of all that leaves a state, into `mixing` (as
  /// CellInputs::mixing), and what the next calls need to go back through its batch norms. Makes
  /// pools that have been released.
  virtual void run_alpha_gradient(StatePass& from, Tensors gradients, const at::Tensor& mixing) = 0;
  /// The second units backward: the gradients of the first ones' outputs and, unless `weights` is
  /// null, of their weights (as CellPlan::weights).
  virtual void run_second_units_backward(StatePass& from, Tensors gradients,
                                         std::vector<at::Tensor>* weights) = 0;
  /// The first units, the pools and all else that leads back to the state: its complete gradient,
  /// or undefined if that is not wanted.
  virtual at::Tensor run_first_units_backward(const StatePass& from, Tensors gradients,
                                              bool state_wanted,
                                              std::vector<at::Tensor>* weights) = 0;
};

/// The processor for a pass with such inputs.
std::unique_ptr<Processor> make_processor(std::shared_ptr<const CellPlan> plan,
                                          const CellInputs& inputs, const PassOptions& options);

}  // namespace darts::fused
