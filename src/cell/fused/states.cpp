#include "states.hpp"

#include <darts/cell/mixing.hpp>
#include <darts/cell/topology.hpp>

#include <algorithm>
#include <stdexcept>

namespace darts::fused {
namespace {

constexpr std::size_t pool_kinds = 2;

/// After those of the units.
std::size_t first_pool_norm(const CellPlan& plan) { return plan.units.size(); }

/// Whether edges see the same batch norm's output: in training always, since it is the batch's
/// statistics that count; else if their running ones are equal, as they are unless an edge's pool
/// was not run in some passes.
bool share(const PoolPass& pool, const Operation& operation, bool training) {
  const torch::nn::BatchNorm2dImpl& first = *pool.norms.front();
  return training || (first.running_mean.equal(operation.norm->running_mean) &&
                      first.running_var.equal(operation.norm->running_var));
}

/// The state's pool of this kind, which is added if it is the first operation to ask for it. Max
/// pools stand in front.
PoolPass& pool_of(StatePass& state, const Operation& operation, std::size_t norm, bool training) {
  const auto begin = std::ranges::lower_bound(state.pools, operation.kind, {}, &PoolPass::kind);
  const auto end = std::ranges::upper_bound(state.pools, operation.kind, {}, &PoolPass::kind);
  const auto place = std::find_if(
      begin, end, [&](const PoolPass& pool) { return share(pool, operation, training); });
  if (place != end) {
    return *place;
  }
  PoolPass pool;
  pool.kind = operation.kind;
  pool.norm = norm;
  return *state.pools.insert(end, std::move(pool));
}

/// `norm`: number of an edge's batch norms of pools, the max pool's first.
void add(StatePass& state, const Operation& operation, const Link& link, std::size_t norm,
         bool training) {
  switch (operation.kind) {
    case OperationKind::none:
      break;
    case OperationKind::identity:
      state.identities.push_back({link, nullptr, {}, {}});
      break;
    case OperationKind::dropout: {
      auto module = std::dynamic_pointer_cast<SkipDropoutImpl>(operation.module.ptr());
      state.identities.push_back({link, training ? std::move(module) : nullptr, {}, {}});
      break;
    }
    case OperationKind::convolution: {
      ConvolutionPass convolution{link, {operation.units.front(), {}, {}}, {}};
      if (operation.units.size() > 1) {
        convolution.second = UnitPass{operation.units.back(), {}, {}};
      }
      state.convolutions.push_back(std::move(convolution));
      break;
    }
    case OperationKind::max_pool:
    case OperationKind::average_pool: {
      norm += operation.kind == OperationKind::max_pool ? 0 : 1;
      PoolPass& pool = pool_of(state, operation, norm, training);
      pool.norms.push_back(operation.norm.ptr());
      pool.links.push_back(link);
      break;
    }
    case OperationKind::other:
      throw std::logic_error("a cell with an operation without kernels cannot run fused");
  }
}

}  // namespace

void StatePass::release() {
  for (ConvolutionPass& convolution : convolutions) {
    convolution.first.z.reset();
    convolution.first.gradient.reset();
    if (convolution.second) {
      convolution.second->z.reset();
    }
  }
  release_spare();
  value.reset();
}

void StatePass::release_spare() {
  for (PoolPass& pool : pools) {
    pool.z.reset();
  }
  for (IdentityPass& identity : identities) {
    identity.images.reset();
  }
}

std::vector<Summand> summands_of(const StatePass& from) {
  std::vector<Summand> summands;
  for (const IdentityPass& identity : from.identities) {
    summands.push_back(
        {identity.link, identity.images.defined() ? identity.images : from.value, {}});
  }
  for (const ConvolutionPass& convolution : from.convolutions) {
    summands.push_back({convolution.link, convolution.last().z, convolution.last().unit});
  }
  for (const PoolPass& pool : from.pools) {
    for (const Link& link : pool.links) {
      summands.push_back({link, pool.z, pool.norm});
    }
  }
  return summands;
}

std::vector<Summand> entering(const std::vector<StatePass>& states, std::int64_t node) {
  std::vector<Summand> found;
  for (const StatePass& from : states) {
    std::ranges::copy_if(summands_of(from), std::back_inserter(found),
                         [node](const Summand& summand) { return summand.link.to == node; });
  }
  std::ranges::sort(found, {}, [](const Summand& summand) { return summand.link.weight; });
  return found;
}

std::vector<StatePass> states_of(const CellPlan& plan, const PassOptions& options) {
  std::vector<StatePass> states(static_cast<std::size_t>(plan.states()));
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].index = static_cast<std::int64_t>(i);
    states[i].stride = plan.reduction && std::cmp_less(i, cell_inputs) ? 2 : 1;
  }
  for (const Edge& edge : plan.edges) {
    for (const Operation& operation : edge.operations) {
      if (is_active(options.active, edge.row, operation.column)) {
        add(states[static_cast<std::size_t>(edge.from)], operation,
            {edge.to, edge.row * plan.columns + operation.column},
            first_pool_norm(plan) + pool_kinds * static_cast<std::size_t>(edge.row),
            options.training);
      }
    }
  }
  return states;
}

std::size_t norm_count(const CellPlan& plan) {
  return first_pool_norm(plan) + pool_kinds * plan.edges.size();
}

}  // namespace darts::fused
