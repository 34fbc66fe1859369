#pragma once

#include <darts/core/flat_sgd.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/search/theta_pass.hpp>

#include <memory>

namespace darts {

/// What the architect needs to know of the training of w.
struct ArchitectContext {
  Supernet supernet{nullptr};
  std::shared_ptr<ThetaPass> pass;  ///< of that supernet
  FlatSgd* sgd = nullptr;  ///< moves w: the unrolled step imitates it, momentum buffer included
  double difference_scale = 0.01;  ///< second order: ε ‖∇w' L_valid‖
};

/// The bilevel optimisation's upper level (paper, section 2.3): the gradient by which theta moves.
class Architect {
 public:
  virtual ~Architect() = default;

  /// Writes the gradient of the validation loss by theta into its grad(); w is unchanged
  /// afterwards, and its gradient in the FlatWeights is anything. Nothing waits for a GPU. `train`
  /// is the batch that w moves on next, `learning_rate` that step's, ξ.
  virtual void compute_gradients(const Batch& train, const Batch& valid, double learning_rate,
                                 const SearchPosition& position) = 0;
};

/// First order, ξ = 0: ∇α L_valid(w, α).
std::unique_ptr<Architect> make_first_order_architect(const ArchitectContext& context);

/// Second order: ∇α L_valid(w', α) − ξ ∇²αw L_train(w, α) ∇w' L_valid(w', α) with the unrolled
/// weights w' = w − ξ (momentum · buffer + ∇w L_train + weight decay · w); the product with the
/// Hessian is the central difference of equation 8 with ε = difference_scale / ‖∇w' L_valid‖, which
/// is computed on the device. The supernet itself carries w', w⁺ and w⁻ in turn: no second network
/// is built. Its running statistics move in the three passes at w and w± but not in the one at w',
/// which in the original belongs to a copy.
std::unique_ptr<Architect> make_second_order_architect(const ArchitectContext& context);

}  // namespace darts
