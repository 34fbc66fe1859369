#include "cell_plan.hpp"

#include "norm_block/geometry.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/average_pool.hpp>
#include <darts/ops/chain.hpp>
#include <darts/ops/norm_block.hpp>
#include <darts/ops/zero.hpp>

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace darts::plan {
namespace {

using torch::nn::BatchNorm2dImpl;
using Module = std::shared_ptr<torch::nn::Module>;

bool is_plain_norm(const std::shared_ptr<BatchNorm2dImpl>& norm) {
  return norm != nullptr && !norm->options.affine() && norm->running_mean.defined();
}

std::int64_t channels_out(const NormUnit& unit) {
  std::int64_t channels = 0;
  for (const at::Tensor& weight : unit.pointwise) {
    channels += weight.size(0);
  }
  return channels;
}

/// Whether there are kernels for a unit of `channels` channels in and out.
bool has_kernels(const NormUnit& unit, std::int64_t channels) {
  const bool separable = unit.depthwise.defined() && unit.pointwise.size() == 1;
  const bool factorized =
      !unit.depthwise.defined() && unit.pointwise.size() == 2 && unit.stride == 2;
  return norm_block::has_kernels(unit) && (separable || factorized) && is_plain_norm(unit.norm) &&
         std::ranges::all_of(
             unit.pointwise,
             [channels](const at::Tensor& weight) { return weight.size(1) == channels; }) &&
         channels_out(unit) == channels;
}

/// Whether units run one after the other as the cells run them: one, or two that are separable, of
/// which the second keeps the size.
bool is_chain(const std::vector<NormUnit>& units) {
  const auto separable = [](const NormUnit& unit) { return unit.depthwise.defined(); };
  return units.size() == 1 ||
         (units.size() == 2 && separable(units[0]) && separable(units[1]) && units[1].stride == 1);
}

/// Asks the modules of operations what they are made of, and adds it to a plan.
class Planner {
 public:
  explicit Planner(CellPlan& plan) : plan_(plan) {}

  Operation operation(const torch::nn::AnyModule& module, std::int64_t column) {
    if (auto known = this->known(module.ptr(), column)) {
      return std::move(*known);
    }
    Operation as_module;
    as_module.column = column;
    as_module.module = module;
    const bool drops = std::dynamic_pointer_cast<SkipDropoutImpl>(module.ptr()) != nullptr;
    as_module.kind = drops ? OperationKind::dropout : OperationKind::other;
    plan_.has_kernels = plan_.has_kernels && drops;
    return as_module;
  }

 private:
  /// Nothing if there are no kernels for it.
  std::optional<Operation> known(const Module& module, std::int64_t column) {
    Operation operation;
    operation.column = column;
    if (std::dynamic_pointer_cast<ZeroImpl>(module)) {
      return operation;
    }
    if (std::dynamic_pointer_cast<torch::nn::IdentityImpl>(module)) {
      operation.kind = OperationKind::identity;
      return operation;
    }
    if (const auto block = std::dynamic_pointer_cast<NormBlock>(module)) {
      return convolution(operation, block->units());
    }
    const auto chain = std::dynamic_pointer_cast<ChainImpl>(module);
    return chain && chain->size() == 2 ? pool(operation, chain->ptr(0), chain->ptr(1))
                                       : std::nullopt;
  }

  std::optional<Operation> convolution(Operation operation, const std::vector<NormUnit>& units) {
    operation.kind = OperationKind::convolution;
    const bool all = std::ranges::all_of(
        units, [this](const NormUnit& unit) { return has_kernels(unit, plan_.channels); });
    if (!all || !is_chain(units)) {
      return std::nullopt;
    }
    for (const NormUnit& unit : units) {
      operation.units.push_back(add(unit));
    }
    return operation;
  }

  /// A pool of 3 × 3 pixels with its batch norm.
  static std::optional<Operation> pool(Operation operation, const Module& module,
                                       const Module& norm) {
    operation.norm = torch::nn::BatchNorm2d(std::dynamic_pointer_cast<BatchNorm2dImpl>(norm));
    const auto max_pool = std::dynamic_pointer_cast<torch::nn::MaxPool2dImpl>(module);
    const bool of_three = max_pool && max_pool->options.kernel_size()->front() == 3 &&
                          max_pool->options.padding()->front() == 1;
    if (of_three) {
      operation.kind = OperationKind::max_pool;
    } else if (std::dynamic_pointer_cast<AveragePoolImpl>(module)) {
      operation.kind = OperationKind::average_pool;
    } else {
      return std::nullopt;
    }
    return is_plain_norm(operation.norm.ptr()) ? std::optional(operation) : std::nullopt;
  }

  std::size_t add(const NormUnit& of_module) {
    Unit unit;
    unit.stride = of_module.stride;
    unit.dilation = of_module.dilation;
    unit.weight = plan_.weights.size();
    unit.norm = torch::nn::BatchNorm2d(of_module.norm);
    if (of_module.depthwise.defined()) {
      unit.kernel = of_module.depthwise.size(2);
      plan_.weights.push_back(of_module.depthwise);
    } else {
      unit.kind = UnitKind::factorized;
      unit.kernel = 1;
    }
    plan_.weights.insert(plan_.weights.end(), of_module.pointwise.begin(),
                         of_module.pointwise.end());
    plan_.padding = std::max(plan_.padding, unit.dilation * (unit.kernel - 1) / 2);
    plan_.units.push_back(std::move(unit));
    return plan_.units.size() - 1;
  }

  CellPlan& plan_;
};

std::vector<const Edge*> select(const std::vector<Edge>& edges, std::int64_t Edge::*end,
                                std::int64_t state) {
  std::vector<const Edge*> found;
  for (const Edge& edge : edges) {
    if (edge.*end == state) {
      found.push_back(&edge);
    }
  }
  return found;
}

}  // namespace

std::int64_t CellPlan::states() const { return nodes + cell_inputs; }

std::int64_t CellPlan::multiply_adds(const Unit& unit) const {
  const std::int64_t taps = unit.kind == UnitKind::separable ? unit.kernel * unit.kernel : 0;
  return channels * (taps + channels);
}

std::vector<const Edge*> CellPlan::leaving(std::int64_t state) const {
  return select(edges, &Edge::from, state);
}

std::vector<const Edge*> CellPlan::entering(std::int64_t state) const {
  return select(edges, &Edge::to, state);
}

CellPlan plan_cell(const SearchCellOptions& options, const torch::nn::Sequential& edges) {
  CellPlan plan;
  plan.nodes = options.nodes;
  plan.channels = options.channels / options.edge.partial;
  plan.partial = options.edge.partial;
  plan.columns = options.columns();
  plan.reduction = options.reduction;
  Planner planner(plan);
  for (std::int64_t node = 0; node < options.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      Edge edge;
      edge.row = std::ssize(plan.edges);
      edge.from = from;
      edge.to = node + cell_inputs;
      edge.stride = options.reduction && from < cell_inputs ? 2 : 1;
      const auto mixed = std::dynamic_pointer_cast<MixedOperationImpl>(
          edges->ptr(static_cast<std::size_t>(edge.row)));
      for (const torch::nn::AnyModule& module : mixed->operations()) {
        edge.operations.push_back(planner.operation(module, std::ssize(edge.operations)));
      }
      std::int64_t column = options.primitives.columns();
      for (const torch::nn::AnyModule& module : mixed->extras()) {
        edge.operations.push_back(planner.operation(module, column++));
      }
      edge.drop_path = mixed->drop_path();
      plan.edges.push_back(std::move(edge));
    }
  }
  plan.has_kernels = plan.has_kernels && !(options.edge.drop_path && plan.has_bypass());
  return plan;
}

}  // namespace darts::plan
