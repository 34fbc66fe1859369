#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/core/flat_weights.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

/// What a step does with weights that the loss does not reach.
enum class Unreached {
  as_zero,  ///< their gradient is 0, so that weight decay and momentum move them
  coast,    ///< the same, once they have been reached
  stay,     ///< they stay as they are, and so does their momentum
};

struct SgdOptions {
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 3e-4;
  double clip_norm = 5.0;  ///< the gradient is scaled down to this 2-norm
  Unreached unreached = Unreached::as_zero;
};

/// SGD with momentum on all weights of a network at once: with g = ∂loss/∂w + weight_decay · w,
///
///     buffer ← momentum · buffer + g        w ← w − rate · buffer
///
/// or, with Nesterov's momentum, w ← w − rate · (g + momentum · buffer): the arithmetic of
/// torch.optim.SGD, in a handful of operations. Nothing waits for a GPU.
class FlatSgd {
 public:
  FlatSgd(std::shared_ptr<FlatWeights> weights, const SgdOptions& options);

  /// Scales the gradient down to the norm of the options. Returns its 2-norm before, a tensor of no
  /// dimension on its device; `beside`, another such norm, counts as a part of it.
  at::Tensor clip(const at::Tensor& beside = {});

  /// Moves w by the gradient, which is overwritten.
  void step(double learning_rate);

  /// With Unreached::coast: what a pass reached that is not followed by a step counts as reached.
  void count_as_reached(const std::vector<bool>& reached);

  /// w ← w − rate · (momentum · buffer + ∂loss/∂w + weight_decay · w), the step as the second-order
  /// architect unrolls it (the original's: without clipping and Nesterov's form): the buffer stays
  /// as it is. The gradient is overwritten.
  void unroll(double learning_rate);

  /// What it remembers, as PREFIX.NAME.momentum_buffer with `names` of the weights in their order;
  /// nothing before the first step, or of a weight that has never been reached. Shares memory.
  void collect(const std::vector<std::string>& names, std::string_view prefix,
               NamedTensors& tensors) const;

  /// Puts that back. Throws Error, with `what` (a file, say) in front and with this unchanged, if
  /// a tensor is missing, unexpected, or of another shape or type than its weight.
  void restore(const std::vector<std::string>& names, std::string_view prefix,
               const NamedTensors& tensors, std::string_view what);

  FlatWeights& weights() const { return *weights_; }
  const std::shared_ptr<FlatWeights>& shared_weights() const { return weights_; }

 private:
  std::shared_ptr<FlatWeights> weights_;
  SgdOptions options_;
  void step_reached(double learning_rate);

  at::Tensor buffer_;        ///< flat; undefined before the first step
  std::vector<bool> begun_;  ///< of each weight, whether it has been reached yet
};

}  // namespace darts
