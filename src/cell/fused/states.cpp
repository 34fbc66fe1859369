#include "states.hpp"

#include <darts/cell/topology.hpp>

#include <algorithm>
#include <stdexcept>

namespace darts::fused {
namespace {

constexpr std::size_t pool_kinds = 2;

/// The state's pool of this kind, which is added if it is the first operation to ask for it. Max
/// pools stand in front.
PoolPass& pool_of(StatePass& state, OperationKind kind, const CellPlan& plan) {
  const auto place = std::ranges::lower_bound(state.pools, kind, {}, &PoolPass::kind);
  if (place != state.pools.end() && place->kind == kind) {
    return *place;
  }
  const std::size_t number = kind == OperationKind::max_pool ? 0 : 1;
  PoolPass pool;
  pool.kind = kind;
  pool.norm = plan.units.size() + pool_kinds * static_cast<std::size_t>(state.index) + number;
  return *state.pools.insert(place, std::move(pool));
}

void add(StatePass& state, const Operation& operation, const Link& link, const CellPlan& plan) {
  switch (operation.kind) {
    case OperationKind::none:
      break;
    case OperationKind::identity:
      state.identities.push_back(link);
      break;
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
      PoolPass& pool = pool_of(state, operation.kind, plan);
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
  release_pools();
  value.reset();
}

void StatePass::release_pools() {
  for (PoolPass& pool : pools) {
    pool.z.reset();
  }
}

std::vector<Summand> summands_of(const StatePass& from) {
  std::vector<Summand> summands;
  for (const Link& link : from.identities) {
    summands.push_back({link, from.value, {}});
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

std::vector<StatePass> states_of(const CellPlan& plan) {
  std::vector<StatePass> states(static_cast<std::size_t>(plan.states()));
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].index = static_cast<std::int64_t>(i);
    states[i].stride = plan.reduction && std::cmp_less(i, cell_inputs) ? 2 : 1;
  }
  for (const Edge& edge : plan.edges) {
    for (const Operation& operation : edge.operations) {
      add(states[static_cast<std::size_t>(edge.from)], operation,
          {edge.to, edge.row * plan.columns + operation.column}, plan);
    }
  }
  return states;
}

std::size_t norm_count(const CellPlan& plan) {
  return plan.units.size() + pool_kinds * static_cast<std::size_t>(plan.states());
}

}  // namespace darts::fused
