#pragma once

#include <darts/core/flat_weights.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/search/supernet.hpp>

#include <memory>
#include <vector>

namespace darts {

/// What a pass computes gradients by: the mixing weights, w, or both.
enum class Differentiate { mixing, weights, both };

struct PassResult {
  at::Tensor loss;                 ///< mean cross entropy, of no dimension
  at::Tensor correct;              ///< images classified right, int64, of no dimension
  at::Tensor logits;               ///< N × classes, in the mixing weights' type
  std::vector<at::Tensor> mixing;  ///< gradients: normal, reduce; empty: not asked for
};

/// All of its tensors, for a GraphTable.
std::vector<at::Tensor*> tensors_of(PassResult& result);

/// Passes through the supernet: the loss of a batch and its gradients. A pass begins at the mixing
/// weights and ends there; what they are made of is the search method's (theta_pass.hpp). All that
/// a search step computes, but for that and the optimizers, is made of passes. Running statistics
/// move as in any forward pass in training. Nothing in a pass waits for a GPU.
class SupernetPass {
 public:
  virtual ~SupernetPass() = default;

  /// The gradient of w, if asked for, goes into the FlatWeights that the pass was made with. Of a
  /// batch that is shared out over ranks all are of this rank's rows, loss and gradients times
  /// their weight in the whole batch: shared_pass() adds them up.
  virtual PassResult run(const Batch& batch, const Mixings& mixings, Differentiate by) = 0;
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

/// A pass of a batch that is shared out over ranks, by `pass` on each: loss, hits and gradients
/// are the whole batch's, and the same on all ranks; the logits are those of its own rows.
std::unique_ptr<SupernetPass> shared_pass(std::unique_ptr<SupernetPass> pass,
                                          std::shared_ptr<FlatWeights> weights,
                                          std::shared_ptr<SharedBatch> batch);

}  // namespace darts
