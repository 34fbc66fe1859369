#pragma once

#include <darts/ops/execution.hpp>
#include <darts/ops/operation.hpp>
#include <darts/ops/primitive.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <vector>

namespace darts {

/// The mixed operation on one edge of a search cell (paper, equation 2): all candidate operations,
/// summed with the edge's mixing weights, softmax(alpha).
///
/// One module per operation, run one after another; with `fused`, those that are a NormBlock as one
/// kernel each (a whole cell at once is src/cell/fused). Parameters are those of the
/// operations, `_ops.P.…` with P the primitive's column; pools are followed by a batch norm
/// `_ops.P.1`.
class MixedOperationImpl : public torch::nn::Cloneable<MixedOperationImpl> {
 public:
  MixedOperationImpl(std::vector<Primitive> primitives, const OperationOptions& options);
  void reset() override;

  /// x: (N, C, H, W); weights: one for each primitive, after softmax.
  /// Returns (N, C, ⌈H/stride⌉, ⌈W/stride⌉).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& weights,
                     Execution execution = Execution::plain);

  /// The operations' modules, one for each primitive.
  std::vector<torch::nn::AnyModule> operations() const {
    return {operations_->begin(), operations_->end()};
  }

 private:
  std::vector<Primitive> primitives_;
  OperationOptions options_;
  torch::nn::Sequential operations_{nullptr};  // as a list: it survives clone()
};
TORCH_MODULE(MixedOperation);

}  // namespace darts
