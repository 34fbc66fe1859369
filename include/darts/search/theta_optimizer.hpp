#pragma once

#include <darts/core/checkpoint.hpp>
#include <darts/search/theta.hpp>

#include <memory>
#include <string_view>

namespace darts {

/// A search starts from so many times N(0, 1): small, so that all operations start alike (the
/// original's code; 0 in the paper, A.1.1).
inline constexpr double alpha_scale = 1e-3;

/// How alpha begins and is trained: Adam (paper, A.1.1).
struct AlphaOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double weight_decay = 1e-3;
  double difference_scale = 0.01;  ///< second order: ε ‖∇w' L_valid‖ (paper, footnote 2)
  double init_scale = alpha_scale;
};

/// Moves theta by the gradients that its tensors hold.
class ThetaOptimizer {
 public:
  virtual ~ThetaOptimizer() = default;

  virtual void step() = 0;

  /// What it remembers, as PREFIX.NAME.…; shares memory with it.
  virtual void collect(std::string_view prefix, NamedTensors& tensors) const = 0;

  /// Puts that back. Throws Error, with `what` (a file, say) in front, if it does not fit.
  virtual void restore(std::string_view prefix, const NamedTensors& tensors,
                       std::string_view what) = 0;
};

/// torch.optim.Adam on all of theta.
std::unique_ptr<ThetaOptimizer> make_adam(const Theta& theta, const AlphaOptions& options);

}  // namespace darts
