#pragma once

#include <darts/data/batch_loader.hpp>
#include <darts/search/supernet.hpp>

#include <memory>
#include <vector>

namespace darts {

/// The parameters that a pass computes gradients of.
enum class Differentiate { alphas, weights, both };

struct PassResult {
  at::Tensor loss;                  ///< mean cross entropy, of no dimension
  at::Tensor logits;                ///< N × classes, in alpha's type
  std::vector<at::Tensor> alphas;   ///< gradients: normal, reduce; empty: not asked for
  std::vector<at::Tensor> weights;  ///< gradients, as Supernet::weights(); empty: not asked for
};

/// Passes through the supernet: the loss of a batch and its gradients. All that a search step
/// computes, but for the optimizers, is made of them. Running statistics move as in any forward
/// pass in training.
class SupernetPass {
 public:
  virtual ~SupernetPass() = default;

  /// The gradients of the weights may be changed, and are the caller's until run() is called for
  /// the same parameters again.
  virtual PassResult run(const Batch& batch, Differentiate by) = 0;
};

/// Operation after operation.
std::unique_ptr<SupernetPass> make_pass(const Supernet& supernet);

/// On a GPU each kind of pass is captured once as a CUDA graph, which is then launched as a whole:
/// the host's time for thousands of kernels goes away. Batches of another size than the first one,
/// and those on the CPU, are run by make_pass()'s.
std::unique_ptr<SupernetPass> make_graphed_pass(const Supernet& supernet);

}  // namespace darts
