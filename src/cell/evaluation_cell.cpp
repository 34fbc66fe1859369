#include "image_by_image/pass.hpp"

#include <darts/cell/evaluation_cell.hpp>
#include <darts/cell/preprocess.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/average_pool.hpp>
#include <darts/ops/run_module.hpp>

#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>

namespace darts {
namespace {

/// What an edge does, by its module; nothing for one that only the plain way can run.
std::optional<ImageEdge::Kind> image_edge_kind(const torch::nn::Module& module) {
  if (dynamic_cast<const torch::nn::IdentityImpl*>(&module) != nullptr) {
    return ImageEdge::Kind::identity;
  }
  if (dynamic_cast<const NormBlock*>(&module) != nullptr) {
    return ImageEdge::Kind::block;
  }
  const bool is_pool = dynamic_cast<const torch::nn::MaxPool2dImpl*>(&module) != nullptr ||
                       dynamic_cast<const AveragePoolImpl*>(&module) != nullptr;
  return is_pool ? std::optional(ImageEdge::Kind::pool) : std::nullopt;
}

/// Drop path spares identities, as the original does.
bool is_droppable(const torch::nn::Module& module) {
  return dynamic_cast<const torch::nn::IdentityImpl*>(&module) == nullptr;
}

}  // namespace

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
    if (auto output = forward_image_by_image(s0, s1)) {
      return *output;
    }
  }
  auto [first, second] = preprocess(s0, s1);
  std::vector<at::Tensor> states{std::move(first), std::move(second)};
  std::size_t number = 0;
  for (const auto& node : options_.genotype.nodes) {
    at::Tensor sum;
    for (const GenotypeEdge& edge : node) {
      torch::nn::AnyModule& module = operation(number++);
      DropPath* const dropping = is_training() && is_droppable(*module.ptr()) ? drop_path : nullptr;
      sum = run_module(module, states[static_cast<std::size_t>(edge.from)], options_.execution,
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

std::optional<at::Tensor> EvaluationCellImpl::forward_image_by_image(const at::Tensor& s0,
                                                                     const at::Tensor& s1) {
  ImageCell cell{{&preprocess0_, &preprocess1_}, {}, {}};
  std::size_t number = 0;
  for (const auto& node : options_.genotype.nodes) {
    std::vector<ImageEdge>& edges = cell.nodes.emplace_back();
    for (const GenotypeEdge& edge : node) {
      torch::nn::AnyModule& module = operation(number++);
      const std::optional<ImageEdge::Kind> kind = image_edge_kind(*module.ptr());
      if (!kind) {
        return std::nullopt;
      }
      edges.push_back({*kind, static_cast<std::size_t>(edge.from), &module, stride(edge)});
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
  const auto modules = operations_->children();
  return std::ranges::count_if(modules, [](const auto& module) { return is_droppable(*module); });
}

bool EvaluationCellImpl::has_kernels() const {
  const auto modules = operations_->children();
  return std::ranges::all_of(
      modules, [](const auto& module) { return image_edge_kind(*module).has_value(); });
}

std::int64_t EvaluationCellImpl::stride(const GenotypeEdge& edge) const {
  return options_.reduction && edge.from < cell_inputs ? 2 : 1;
}

}  // namespace darts
