#pragma once

#include <darts/cell/cell_primitives.hpp>
#include <darts/cell/edge_options.hpp>
#include <darts/cell/mixing.hpp>
#include <darts/core/device.hpp>
#include <darts/ops/execution.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <vector>

namespace darts {

namespace plan {
struct CellPlan;
}

/// How the mixed operations of a search cell are run.
struct ExecutionOptions {
  Execution execution = Execution::fused;
  /// Keep of a cell's forward pass its inputs and statistics alone, and compute the rest again for
  /// the backward pass: less memory, more time. Fused execution only.
  bool recompute = false;
  /// bf16 with the fused execution on the CPU: what a float32 cell keeps for its backward pass is
  /// stored as bfloat16, and computed with in float32. Otherwise it is autocast, for all of the
  /// supernet.
  Precision precision = Precision::fp32;
};

struct SearchCellOptions {
  CellPrimitives primitives = default_primitives();
  EdgeOptions edge;
  std::int64_t nodes = 4;               ///< intermediate nodes
  std::int64_t channels_prev_prev = 0;  ///< channels of the output of the cell before the last
  std::int64_t channels_prev = 0;       ///< channels of the output of the last cell
  std::int64_t channels = 16;           ///< channels of every node
  bool reduction = false;               ///< edges from the two inputs have stride 2
  bool reduction_prev = false;          ///< the last cell was a reduction cell

  /// Of the mixing weights.
  std::int64_t columns() const { return primitives.columns() + edge.extra_columns(); }
};

/// A cell of the supernet: every node is the sum of mixed operations from all states before it, the
/// output concatenates the nodes (paper, section 2.1).
///
/// Parameters: `preprocess0`, `preprocess1` (1×1 convolutions that bring both inputs to `channels`;
/// a factorized reduce for the first after a reduction cell) and `_ops.E.…` for edge E
/// (topology.hpp).
class SearchCellImpl : public torch::nn::Cloneable<SearchCellImpl> {
 public:
  explicit SearchCellImpl(SearchCellOptions options);
  void reset() override;

  /// s0, s1: outputs of the two cells before, (N, channels_prev_prev | channels_prev, H, W) (s0
  /// twice as high and wide after a reduction). Returns (N, nodes · channels, H', W').
  at::Tensor forward(const at::Tensor& s0, const at::Tensor& s1, const Mixing& mixing);

  /// The weights of operations that are not run with this mixing.
  std::vector<at::Tensor> idle_weights(const Mixing& mixing) const;

  bool is_reduction() const { return options_.reduction; }

  /// Whether all its primitives have kernels, so that it can be run fused.
  bool has_kernels();

  void set_execution(const ExecutionOptions& execution) { execution_ = execution; }

 private:
  at::Tensor weights_of(const at::Tensor& operations, std::int64_t edge) const;
  at::Tensor run_operations(std::vector<at::Tensor> states, const Mixing& mixing);
  const std::shared_ptr<const plan::CellPlan>& cell_plan();
  bool runs_merged(const at::Tensor& x) const;
  bool can_fuse(const at::Tensor& s0, const at::Tensor& s1, const at::Tensor& weights);

  SearchCellOptions options_;
  torch::nn::AnyModule preprocess0_;
  torch::nn::AnyModule preprocess1_;
  torch::nn::Sequential edges_{nullptr};  // as a list: it survives clone()
  ExecutionOptions execution_;
  std::shared_ptr<const plan::CellPlan> plan_;  ///< made at the first pass
};
TORCH_MODULE(SearchCell);

}  // namespace darts
