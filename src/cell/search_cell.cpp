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
      edges_->push_back(MixedOperation(o.primitives.of(std::ssize(*edges_)), operation));
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
         (cell_plan()->weights.empty() || cell_plan()->weights.front().scalar_type() == type) &&
         (is_training() || !fused::needs_gradient({s0, s1, weights}, *cell_plan()));
}

/// Our own kernels are the CPU's.
bool SearchCellImpl::can_merge(const at::Tensor& x) {
  const Execution execution = execution_.execution;
  return (execution == Execution::merged || (execution == Execution::fused && !x.is_cpu())) &&
         merged::can_merge(*cell_plan());
}

at::Tensor SearchCellImpl::forward(const at::Tensor& s0, const at::Tensor& s1,
                                   const at::Tensor& weights) {
  TORCH_CHECK(weights.dim() == 2 && weights.size(0) == edge_count(options_.nodes) &&
                  weights.size(1) == options_.primitives.columns(),
              "SearchCell: weights of shape [", edge_count(options_.nodes), ", ",
              options_.primitives.columns(), "] expected, got ", weights.sizes());
  const at::Tensor x0 = run_module(preprocess0_, s0, execution_.execution);
  const at::Tensor x1 = run_module(preprocess1_, s1, execution_.execution);
  if (can_merge(x1)) {
    return merged::merged_cell(*cell_plan(), {x0, x1, weights}, is_training());
  }
  if (can_fuse(x0, x1, weights)) {
    return fused::fused_cell(
        cell_plan(), {x0, x1, weights},
        {is_training(), /*keep=*/true, execution_.recompute, execution_.precision});
  }
  return run_operations({x0, x1}, weights);
}

at::Tensor SearchCellImpl::run_operations(std::vector<at::Tensor> states,
                                          const at::Tensor& weights) {
  auto operation = edges_->begin();
  std::int64_t edge = 0;
  for (std::int64_t node = 0; node < options_.nodes; ++node) {
    at::Tensor sum;
    for (std::int64_t from = 0; from < predecessors(node); ++from, ++edge, ++operation) {
      const std::int64_t offered = std::ssize(options_.primitives.of(edge));
      const at::Tensor row = weights.select(0, edge);
      const auto term = operation->forward<at::Tensor>(
          states[static_cast<std::size_t>(from)],
          offered == row.size(0) ? row : row.narrow(0, 0, offered), execution_.execution);
      sum = sum.defined() ? sum + term : term;
    }
    states.push_back(std::move(sum));
  }
  return at::cat(at::TensorList(states).slice(cell_inputs), 1);
}

}  // namespace darts
