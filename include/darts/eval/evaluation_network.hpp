#pragma once

#include <darts/cell/evaluation_cell.hpp>
#include <darts/cell/stem.hpp>
#include <darts/eval/auxiliary_head.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <utility>

namespace darts {

struct EvaluationNetworkOptions {
  // What a machine could mean.
  static constexpr std::int64_t most_cells = 1000;
  static constexpr std::int64_t least_channels = 2;  ///< a factorized reduction halves them
  static constexpr std::int64_t most_channels = 4096;

  Genotype genotype;
  NetworkStem stem = NetworkStem::cifar;
  std::int64_t cells = 20;     ///< reduction cells stand at ⌊cells/3⌋ and ⌊2·cells/3⌋
  std::int64_t channels = 36;  ///< channels of the first cells' nodes; doubled by a reduction
  std::int64_t image_channels = 3;
  std::int64_t classes = 10;
  bool auxiliary = true;  ///< has an auxiliary head behind cell ⌊2·cells/3⌋
  Execution execution = Execution::fused;
};

/// The evaluation network (paper, section 3.2 and A.2): a genotype's cells stacked, retrained from
/// scratch.
///
/// Names of parameters and buffers are the original implementation's: `stem.K` (ImageNet:
/// `stem0.K`, `stem1.K`), `cells.I.preprocess0.op.K`, `cells.I._ops.E.op.K` for edge E of the
/// cell's genotype, `auxiliary_head.features.K`, `auxiliary_head.classifier`, `classifier`.
class EvaluationNetworkImpl : public torch::nn::Cloneable<EvaluationNetworkImpl> {
 public:
  explicit EvaluationNetworkImpl(EvaluationNetworkOptions options);
  void reset() override;

  struct Output {
    at::Tensor logits;     ///< N × classes
    at::Tensor auxiliary;  ///< N × classes; undefined in evaluation mode and without the head
  };
  /// images: (N, image_channels, H, W).
  Output forward(const at::Tensor& images, DropPath drop_path = {});

  /// What the first cell reads.
  std::pair<at::Tensor, at::Tensor> stem(const at::Tensor& images) {
    return stem_.forward(images, options_.execution);
  }
  std::size_t cells() const { return cells_->size(); }
  EvaluationCellImpl& cell(std::size_t index);
  at::Tensor classify(const at::Tensor& features);
  at::Tensor classify_auxiliary(const at::Tensor& features);

  /// The cell whose output the auxiliary head reads.
  std::size_t auxiliary_cell() const { return static_cast<std::size_t>(2 * options_.cells / 3); }
  /// Edges that drop path may drop, of all cells.
  std::int64_t droppable_edges() const;
  /// Whether the fused execution has kernels for all cells' convolutions.
  bool has_kernels();
  const EvaluationNetworkOptions& options() const { return options_; }
  void set_execution(Execution execution);

 private:
  EvaluationNetworkOptions options_;
  Stem stem_;
  torch::nn::Sequential cells_{nullptr};  // as a list: it survives clone()
  AuxiliaryHead auxiliary_head_{nullptr};
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(EvaluationNetwork);

}  // namespace darts
