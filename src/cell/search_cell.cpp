#include "cell_plan.hpp"
#include "fused/function.hpp"
#include "merged/merged_cell.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/preprocess.hpp>
#include <darts/cell/search_cell.hpp>
#include <darts/cell/topology.hpp>
#include <darts/ops/run_module.hpp>

#include <ATen/ops/cat.h>

namespace darts {

SearchCellImpl::SearchCellImpl(SearchCellOptions options) : options_(std::move(options)) {
  reset();
}

void SearchCellImpl::reset() {
  const auto& o = options_;
  o.primitives.check_nodes(o.nodes);
  preprocess0_ = make_preprocess({o.channels_prev_prev, o.channels, o.reduction_prev, false});
  preprocess1_ = make_preprocess({o.channels_prev, o.channels, false, false});
  register_module("preprocess0", preprocess0_.ptr());
  register_module("preprocess1", preprocess1_.ptr());
  edges_ = register_module("_ops", torch::nn::Sequential());
  for (std::int64_t node = 0; node < o.nodes; ++node) {
    for (std::int64_t from = 0; from < predecessors(node); ++from) {
      const std::int64_t stride = o.reduction && from < cell_inputs ? 2 : 1;
      const OperationOptions operation{o.channels, stride, /*affine=*/false};
      edges_->push_back(MixedOperation(o.primitives.of(std::ssize(*edges_)), operation, o.edge));
    }
  }
  plan_.reset();
}

/// Made at the first pass: clone() replaces the modules that reset() made.
const std::shared_ptr<const plan::CellPlan>& SearchCellImpl::cell_plan() {
  if (plan_ == nullptr) {
    plan_ = std::make_shared<const plan::CellPlan>(plan::plan_cell(options_, edges_));
  }
  return plan_;
}

bool SearchCellImpl::has_kernels() { return cell_plan()->has_kernels; }

bool SearchCellImpl::can_fuse(const at::Tensor& s0, const at::Tensor& s1,
                              const at::Tensor& weights) {
  const at::ScalarType type = s1.scalar_type();
  return execution_.execution == Execution::fused && has_kernels() && s1.is_cpu() &&
         (type == at::kFloat || type == at::kDouble) && s0.scalar_type() == type &&
         weights.scalar_type() == type &&
         (cell_plan()->weights.empty() || cell_plan()->weights.front().scalar_type() == type);
}

/// Our own kernels are the CPU's.
bool SearchCellImpl::runs_merged(const at::Tensor& x) const {
  const Execution execution = execution_.execution;
  return !options_.edge.has_bypass() && !options_.edge.drop_path &&
         (execution == Execution::merged || (execution == Execution::fused && !x.is_cpu()));
}

at::Tensor SearchCellImpl::forward(const at::Tensor& s0, const at::Tensor& s1,
                                   const Mixing& mixing) {
  const at::Tensor& weights = mixing.operations;
  TORCH_CHECK(weights.dim() == 2 && weights.size(0) == edge_count(options_.nodes) &&
                  weights.size(1) == options_.columns(),
              "SearchCell: weights of shape [", edge_count(options_.nodes), ", ",
              options_.columns(), "] expected, got ", weights.sizes());
  const at::Tensor x0 = run_module(preprocess0_, s0, execution_.execution);
  const at::Tensor x1 = run_module(preprocess1_, s1, execution_.execution);
  if (runs_merged(x1)) {
    return merged::merged_cell(*cell_plan(), {x0, x1, weights}, {is_training(), mixing.active});
  }
  if (can_fuse(x0, x1, weights)) {
    return fused::fused_cell(
        cell_plan(), {x0, x1, weights},
        {is_training(), /*keep=*/true, execution_.recompute, execution_.precision, mixing.active});
  }
  return run_operations({x0, x1}, mixing);
}

std::vector<at::Tensor> SearchCellImpl::idle_weights(const Mixing& mixing) const {
  std::vector<at::Tensor> idle;
  for (std::int64_t edge = 0; edge < std::ssize(*edges_); ++edge) {
    const auto& mixed = *edges_->ptr(static_cast<std::size_t>(edge))->as<MixedOperationImpl>();
    std::int64_t column = 0;
    for (const torch::nn::AnyModule& operation : mixed.operations()) {
      if (!is_active(mixing.active, edge, column++)) {
        const std::vector<at::Tensor> weights = operation.ptr()->parameters();
        idle.insert(idle.end(), weights.begin(), weights.end());
      }
    }
  }
  return idle;
}

/// Of what an edge offers and has beside, without what its row holds for longer ones.
at::Tensor SearchCellImpl::weights_of(const at::Tensor& operations, std::int64_t edge) const {
  const at::Tensor row = operations.select(0, edge);
  const std::int64_t offered = std::ssize(options_.primitives.of(edge));
  const std::int64_t extra = options_.edge.extra_columns();
  if (offered + extra == row.size(0)) {
    return row;
  }
  const at::Tensor own = row.narrow(0, 0, offered);
  return extra == 0 ? own : at::cat({own, row.narrow(0, row.size(0) - extra, extra)});
}

at::Tensor SearchCellImpl::run_operations(std::vector<at::Tensor> states, const Mixing& mixing) {
  std::int64_t edge = 0;
  for (std::int64_t node = 0; node < options_.nodes; ++node) {
    at::Tensor sum;
    for (std::int64_t from = 0; from < predecessors(node); ++from, ++edge) {
      auto& operation = *edges_->ptr(static_cast<std::size_t>(edge))->as<MixedOperationImpl>();
      const at::Tensor term =
          operation.forward(states[static_cast<std::size_t>(from)],
                            weights_of(mixing.operations, edge), execution_.execution,
                            mixing.active.defined() ? mixing.active.select(0, edge) : at::Tensor());
      sum = sum.defined() ? sum + term : term;
    }
    states.push_back(std::move(sum));
  }
  return at::cat(at::TensorList(states).slice(cell_inputs), 1);
}

}  // namespace darts
