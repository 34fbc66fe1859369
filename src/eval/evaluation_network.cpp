#include <darts/cell/topology.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/ops/linear.hpp>

#include <ATen/ops/relu.h>

#include <algorithm>

namespace darts {
EvaluationNetworkImpl::EvaluationNetworkImpl(EvaluationNetworkOptions options)
    : options_(std::move(options)) {
  reset();
}

void EvaluationNetworkImpl::reset() {
  const auto& o = options_;
  const std::int64_t stem_channels = o.stem == NetworkStem::imagenet ? o.channels : 3 * o.channels;
  stem_ = Stem(*this, {o.stem, o.image_channels, stem_channels});
  cells_ = register_module("cells", torch::nn::Sequential());
  EvaluationCellOptions cell;
  cell.execution = o.execution;
  cell.channels_prev_prev = stem_channels;
  cell.channels_prev = stem_channels;
  cell.channels = o.channels;
  cell.reduction_prev = stem_.reduces();
  std::int64_t auxiliary_channels = 0;
  for (std::int64_t i = 0; i < o.cells; ++i) {
    cell.reduction = is_reduction_cell(i, o.cells);
    cell.channels *= cell.reduction ? 2 : 1;
    cell.genotype = cell.reduction ? o.genotype.reduce : o.genotype.normal;
    const EvaluationCell module(cell);
    cells_->push_back(module);
    cell.reduction_prev = cell.reduction;
    cell.channels_prev_prev = cell.channels_prev;
    cell.channels_prev = module->out_channels();
    if (i == 2 * o.cells / 3) {
      auxiliary_channels = cell.channels_prev;
    }
  }
  if (o.auxiliary) {
    auxiliary_head_ =
        register_module("auxiliary_head",
                        AuxiliaryHead(AuxiliaryHeadOptions{o.stem, auxiliary_channels, o.classes}));
  }
  classifier_ = register_module("classifier", torch::nn::Linear(cell.channels_prev, o.classes));
}

EvaluationNetworkImpl::Output EvaluationNetworkImpl::forward(const at::Tensor& images,
                                                             DropPath drop_path) {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == options_.image_channels,
              "EvaluationNetwork: images of shape [N, ", options_.image_channels,
              ", H, W] expected, got ", images.sizes());
  Output output;
  auto [s0, s1] = stem(images);
  for (std::size_t i = 0; i < cells(); ++i) {
    at::Tensor out = cell(i).forward(s0, s1, &drop_path);
    s0 = std::exchange(s1, std::move(out));
    if (i == auxiliary_cell() && options_.auxiliary && is_training()) {
      output.auxiliary = classify_auxiliary(s1);
      if (i + 1 == cells()) {
        // The original's head applies its ReLU in place. Cells behind it begin with a ReLU anyway;
        // where there is none, the classifier sees it in training.
        s1 = at::relu(s1);
      }
    }
  }
  output.logits = classify(s1);
  return output;
}

EvaluationCellImpl& EvaluationNetworkImpl::cell(std::size_t index) {
  return (cells_->begin() + static_cast<std::ptrdiff_t>(index))->get<EvaluationCellImpl>();
}

at::Tensor EvaluationNetworkImpl::classify(const at::Tensor& features) {
  return darts::classify(classifier_, features, options_.execution);
}

at::Tensor EvaluationNetworkImpl::classify_auxiliary(const at::Tensor& features) {
  return auxiliary_head_->forward(features, options_.execution);
}

void EvaluationNetworkImpl::set_execution(Execution execution) {
  options_.execution = execution;
  for (std::size_t i = 0; i < cells(); ++i) {
    cell(i).set_execution(execution);
  }
}

bool EvaluationNetworkImpl::has_kernels() {
  return std::all_of(cells_->begin(), cells_->end(), [](torch::nn::AnyModule& module) {
    return module.get<EvaluationCellImpl>().has_kernels();
  });
}

std::int64_t EvaluationNetworkImpl::droppable_edges() const {
  std::int64_t count = 0;
  for (const auto& module : cells_->children()) {
    count += module->as<EvaluationCellImpl>()->droppable_edges();
  }
  return count;
}

}  // namespace darts
