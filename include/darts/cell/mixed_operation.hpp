#pragma once

#include <darts/cell/edge_options.hpp>
#include <darts/ops/dropout.hpp>
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
/// `_ops.P.1`. DARTS-'s auxiliary skip connection is `auxiliary_op`. With partial channels the
/// output's channels are shuffled: its channel j·K + i is channel i·(C/K) + j of operations and
/// bypass one after the other.
class MixedOperationImpl : public torch::nn::Cloneable<MixedOperationImpl> {
 public:
  MixedOperationImpl(std::vector<Primitive> primitives, const OperationOptions& options,
                     const EdgeOptions& edge = {});
  void reset() override;

  /// x: (N, C, H, W); weights: one for each primitive, and behind them those of what EdgeOptions
  /// add; active: whether each operation is run (bool, on the CPU); undefined: all are. Returns (N,
  /// C, ⌈H/stride⌉, ⌈W/stride⌉).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& weights,
                     Execution execution = Execution::plain, const at::Tensor& active = {});

  /// The operations' modules, one for each primitive.
  std::vector<torch::nn::AnyModule> operations() const {
    return {operations_->begin(), operations_->end()};
  }
  /// The auxiliary skip connection, if it has one: of the column after those of the operations.
  std::vector<torch::nn::AnyModule> extras() const { return extras_; }
  /// What drops the edge's output; null where nothing does.
  std::shared_ptr<EdgeDropPathImpl> drop_path() const {
    return drop_path_ ? drop_path_.ptr() : nullptr;
  }

 private:
  void add_auxiliary(const OperationOptions& options);
  at::Tensor mix(const at::Tensor& x, const at::Tensor& weights, Execution execution,
                 const at::Tensor& active);
  at::Tensor sum_operations(const at::Tensor& x, const at::Tensor& weights, Execution execution,
                            const at::Tensor& active);
  at::Tensor pass_by(const at::Tensor& x) const;

  std::vector<Primitive> primitives_;
  OperationOptions options_;
  EdgeOptions edge_;
  torch::nn::Sequential operations_{nullptr};  // as a list: it survives clone()
  std::vector<torch::nn::AnyModule> extras_;
  EdgeDropPath drop_path_{nullptr};  // only where the edge has it
};
TORCH_MODULE(MixedOperation);

}  // namespace darts
