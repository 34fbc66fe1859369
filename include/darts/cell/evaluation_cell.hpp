#pragma once

#include <darts/cell/genotype.hpp>
#include <darts/ops/drop_path.hpp>
#include <darts/ops/execution.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace darts {

struct EvaluationCellOptions {
  CellGenotype genotype;
  std::int64_t channels_prev_prev = 0;  ///< channels of the output of the cell before the last
  std::int64_t channels_prev = 0;       ///< channels of the output of the last cell
  std::int64_t channels = 36;           ///< channels of every node
  bool reduction = false;               ///< edges from the two inputs have stride 2
  bool reduction_prev = false;          ///< the last cell was a reduction cell
  Execution execution = Execution::fused;
};

/// A cell of an evaluation network: every node is the sum of its genotype's edges, the output
/// concatenates the states that the genotype names (paper, section 2.4).
///
/// Parameters: `preprocess0`, `preprocess1`, and `_ops.K.…` for edge K of the genotype, counted
/// over all nodes; all batch norms are affine.
class EvaluationCellImpl : public torch::nn::Cloneable<EvaluationCellImpl> {
 public:
  /// Throws Error if check_cell() refuses the genotype.
  explicit EvaluationCellImpl(EvaluationCellOptions options);
  void reset() override;

  /// s0, s1: outputs of the two cells before, (N, channels_prev_prev | channels_prev, H, W) (s0
  /// twice as high and wide after a reduction). Returns (N, out_channels(), H', W').
  ///
  /// In training `drop_path`, if given, is asked for every edge but identities, in the genotype's
  /// order.
  at::Tensor forward(const at::Tensor& s0, const at::Tensor& s1, DropPath* drop_path = nullptr);

  /// Both inputs brought to the cell's channels and size.
  std::pair<at::Tensor, at::Tensor> preprocess(const at::Tensor& s0, const at::Tensor& s1);
  /// The operation on edge `edge` of the genotype's list.
  at::Tensor run_edge(std::size_t edge, const at::Tensor& x);

  void set_execution(Execution execution) { options_.execution = execution; }

  std::int64_t out_channels() const;
  /// Edges that drop path may drop: all but identities.
  std::int64_t droppable_edges() const;
  /// Whether the fused execution has kernels for all its convolutions.
  bool has_kernels() const;
  const EvaluationCellOptions& options() const { return options_; }

 private:
  /// forward() in evaluation mode without gradients, if there are kernels for all of the cell.
  std::optional<at::Tensor> forward_image_by_image(const at::Tensor& s0, const at::Tensor& s1);
  torch::nn::AnyModule& operation(std::size_t edge) {
    return *(operations_->begin() + static_cast<std::ptrdiff_t>(edge));
  }
  std::int64_t stride(const GenotypeEdge& edge) const;

  EvaluationCellOptions options_;
  torch::nn::AnyModule preprocess0_;
  torch::nn::AnyModule preprocess1_;
  torch::nn::Sequential operations_{nullptr};  // as a list: it survives clone()
};
TORCH_MODULE(EvaluationCell);

}  // namespace darts
