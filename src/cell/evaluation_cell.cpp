#include "image_pass.hpp"

#include <darts/cell/evaluation_cell.hpp>
#include <darts/cell/preprocess.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/norm_block.hpp>

#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>

namespace darts {

EvaluationCellImpl::EvaluationCellImpl(EvaluationCellOptions options)
    : options_(std::move(options)) {
  check_cell(options_.genotype,
             options_.reduction ? "the genotype: reduce" : "the genotype: normal");
  reset();
}

void EvaluationCellImpl::reset() {
  const auto& o = options_;
  preprocess0_ = make_preprocess({o.channels_prev_prev, o.channels, o.reduction_prev, true});
  preprocess1_ = make_preprocess({o.channels_prev, o.channels, false, true});
  register_module("preprocess0", preprocess0_.ptr());
  register_module("preprocess1", preprocess1_.ptr());
  operations_ = register_module("_ops", torch::nn::Sequential());
  for (const auto& node : o.genotype.nodes) {
    for (const GenotypeEdge& edge : node) {
      operations_->push_back(
          edge.operation.make(OperationOptions{o.channels, stride(edge), /*affine=*/true}));
    }
  }
}

at::Tensor EvaluationCellImpl::forward(const at::Tensor& s0, const at::Tensor& s1,
                                       DropPath* drop_path) {
  if (options_.execution == Execution::fused && !is_training() && !c10::GradMode::is_enabled()) {
    if (auto output = test_forward(s0, s1)) {
      return *output;
    }
  }
  auto [first, second] = preprocess(s0, s1);
  std::vector<at::Tensor> states{std::move(first), std::move(second)};
  std::size_t number = 0;
  for (const auto& node : options_.genotype.nodes) {
    at::Tensor sum;
    for (const GenotypeEdge& edge : node) {
      DropPath* const dropping = is_training() && !is_identity(edge) ? drop_path : nullptr;
      sum = run_module(operation(number++), states[static_cast<std::size_t>(edge.from)],
                       options_.execution,
                       {dropping == nullptr ? at::Tensor() : dropping->next(), sum});
    }
    states.push_back(std::move(sum));
  }
  std::vector<at::Tensor> output;
  for (const std::int64_t state : options_.genotype.concat) {
    output.push_back(states[static_cast<std::size_t>(state)]);
  }
  return at::cat(output, 1);
}

std::optional<at::Tensor> EvaluationCellImpl::test_forward(const at::Tensor& s0,
                                                           const at::Tensor& s1) {
  ImageCell cell{{&preprocess0_, &preprocess1_}, {}, {}};
  std::size_t number = 0;
  for (const auto& node : options_.genotype.nodes) {
    std::vector<ImageEdge>& edges = cell.nodes.emplace_back();
    for (const GenotypeEdge& edge : node) {
      const ImageEdge::Kind kind = is_identity(edge) ? ImageEdge::Kind::identity
                                   : edge.operation.kind() == PrimitiveKind::pool
                                       ? ImageEdge::Kind::pool
                                       : ImageEdge::Kind::block;
      edges.push_back(
          {kind, static_cast<std::size_t>(edge.from), &operation(number++), stride(edge)});
    }
  }
  for (const std::int64_t state : options_.genotype.concat) {
    cell.concat.push_back(static_cast<std::size_t>(state));
  }
  return run_image_by_image(cell, s0, s1);
}

std::pair<at::Tensor, at::Tensor> EvaluationCellImpl::preprocess(const at::Tensor& s0,
                                                                 const at::Tensor& s1) {
  return {run_module(preprocess0_, s0, options_.execution),
          run_module(preprocess1_, s1, options_.execution)};
}

at::Tensor EvaluationCellImpl::run_edge(std::size_t edge, const at::Tensor& x) {
  return run_module(operation(edge), x, options_.execution);
}

std::int64_t EvaluationCellImpl::out_channels() const {
  return static_cast<std::int64_t>(options_.genotype.concat.size()) * options_.channels;
}

std::int64_t EvaluationCellImpl::droppable_edges() const {
  std::int64_t count = 0;
  for (const auto& node : options_.genotype.nodes) {
    for (const GenotypeEdge& edge : node) {
      count += is_identity(edge) ? 0 : 1;
    }
  }
  return count;
}

bool EvaluationCellImpl::is_identity(const GenotypeEdge& edge) const {
  return edge.operation.kind() == PrimitiveKind::skip && stride(edge) == 1;
}

std::int64_t EvaluationCellImpl::stride(const GenotypeEdge& edge) const {
  return options_.reduction && edge.from < cell_inputs ? 2 : 1;
}

}  // namespace darts
