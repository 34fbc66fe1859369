#pragma once

#include <darts/core/flat_weights.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/search/supernet.hpp>

#include <memory>
#include <vector>

namespace darts {

/// The parameters that a pass computes gradients of.
enum class Differentiate { alphas, weights, both };

struct PassResult {
  at::Tensor loss;                 ///< mean cross entropy, of no dimension
  at::Tensor logits;               ///< N × classes, in alpha's type
  std::vector<at::Tensor> alphas;  ///< gradients: normal, reduce; empty: not asked for
};

/// Passes through the supernet: the loss of a batch and its gradients. All that a search step
/// computes, but for the optimizers, is made of them. Running statistics move as in any forward
/// pass in training. Nothing in a pass waits for a GPU.
class SupernetPass {
 public:
  virtual ~SupernetPass() = default;

  /// The gradient of w, if asked for, goes into the FlatWeights that the pass was made with.
  virtual PassResult run(const Batch& batch, Differentiate by) = 0;
};

/// The supernet's weights, together in one piece of memory from now on.
std::shared_ptr<FlatWeights> flatten_weights(const Supernet& supernet);

/// Operation after operation. Makes FlatWeights of its own if it is given none.
std::unique_ptr<SupernetPass> make_pass(const Supernet& supernet,
                                        std::shared_ptr<FlatWeights> weights = nullptr);

/// Each kind of pass and size of batch as a DeviceGraph: of a few sizes, such as an epoch's last
/// batch; others are run as make_pass()'s.
std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet,
                                                std::shared_ptr<FlatWeights> weights = nullptr);

}  // namespace darts
