#pragma once

#include <darts/search/method.hpp>
#include <darts/search/supernet_pass.hpp>

#include <memory>
#include <vector>

namespace darts {

/// Passes through the supernet as a search method mixes it: theta → mixing weights → loss, and the
/// gradient of the mixing weights carried back to theta by autograd.
class ThetaPass {
 public:
  struct Result {
    at::Tensor loss;                ///< mean cross entropy, of no dimension
    at::Tensor correct;             ///< images classified right
    std::vector<at::Tensor> theta;  ///< its gradient, in theta's order; empty: not asked for
  };

  /// `pass`: through that supernet.
  ThetaPass(const Supernet& supernet, std::shared_ptr<SupernetPass> pass,
            std::shared_ptr<const SearchMethod> method);

  /// The gradient of w, if asked for, goes into the FlatWeights of the pass. Nothing waits for a
  /// GPU.
  Result run(const Batch& batch, Differentiate by, const SearchPosition& position, Moves moves);

  /// Adds the gradient of the method's penalty to theta's grad().
  void add_penalty(const SearchPosition& position) const;

  const Theta& theta() const { return theta_; }

 private:
  MixingLossOf loss_in_evaluation(const Batch& batch);

  Supernet supernet_;
  std::shared_ptr<SupernetPass> pass_;
  std::shared_ptr<const SearchMethod> method_;
  Theta theta_;
};

}  // namespace darts
