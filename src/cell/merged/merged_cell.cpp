#include "merged_cell.hpp"

#include "batch_norms.hpp"
#include "groups.hpp"

#include <darts/cell/topology.hpp>
#include <darts/ops/average_pool.hpp>
#include <darts/ops/zero.hpp>

#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <map>

namespace darts::merged {
namespace {

using plan::CellInputs;
using plan::CellPlan;
using plan::Edge;
using plan::OperationKind;
using plan::Unit;
using plan::UnitKind;

/// Images beside each other in one tensor, (N, edges · C, H', W'), and the edges that they are of.
struct Outputs {
  std::vector<const Edge*> edges;
  at::Tensor images;
};

class MergedCell {
 public:
  MergedCell(const CellPlan& plan, const CellInputs& inputs, const MergedOptions& options)
      : plan_(plan),
        inputs_(inputs),
        mixing_(inputs.mixing.flatten().unbind()),  // many parts of a tensor are best taken at once
        one_(at::ones({}, inputs.mixing.options())),
        active_(options.active),
        training_(options.training),
        norms_(options.training) {}

  at::Tensor run();

 private:
  void complete(std::int64_t node);
  void leave(std::size_t state);
  void run_separable(Groups groups, const at::Tensor& relu);
  void run_factorized(const Groups& groups, const at::Tensor& relu);
  void run_pools(const Groups& groups, const at::Tensor& state);
  void run_pools_in_evaluation(const Groups& groups, const at::Tensor& state);

  const Unit& unit(const Member& member, std::size_t number) const {
    return plan_.units[member.operation->units[number]];
  }
  const at::Tensor& weight(const Unit& unit, std::size_t number) const {
    return plan_.weights[unit.weight + number];
  }
  const at::Tensor& mixing(const Member& member) const {
    return mixing_[static_cast<std::size_t>(member.edge->row * plan_.columns +
                                            member.operation->column)];
  }
  at::Tensor separable(const std::vector<at::Tensor>& inputs, const Groups& groups,
                       std::size_t number) const;
  at::Tensor scales(const Groups& groups, std::size_t number) const;
  at::Tensor normalise(const at::Tensor& z, const Groups& groups, std::size_t number);

  Outputs sum_by_edge(const Groups& groups, const at::Tensor& z) const;
  void add_scaled(const Group& group, const at::Tensor& images);
  void add(const Outputs& outputs);
  at::Tensor& entered(const Edge& edge) { return states_[static_cast<std::size_t>(edge.to)]; }

  const CellPlan& plan_;
  const CellInputs& inputs_;
  std::vector<at::Tensor> mixing_;  ///< of edge 0, column 0; edge 0, column 1; …
  at::Tensor one_;
  at::Tensor active_;
  bool training_;
  BatchNorms norms_;
  std::vector<at::Tensor> states_;
};

at::Tensor pool(const Group& group, const at::Tensor& state) {
  const std::int64_t stride = group.members.front().edge->stride;
  return group.kind() == OperationKind::max_pool ? at::max_pool2d(state, 3, stride, 1)
                                                 : average_pool(state, stride);
}

void add(at::Tensor& sum, const at::Tensor& term) { sum = sum.defined() ? sum + term : term; }

std::int64_t members_of(const Groups& groups) {
  std::int64_t count = 0;
  for (const Group& group : groups) {
    count += group.size();
  }
  return count;
}

/// Zeros below and on the right where there is a row or column too few.
at::Tensor padded_to_even(const at::Tensor& x) {
  const std::int64_t rows = x.size(2) % 2;
  const std::int64_t columns = x.size(3) % 2;
  return rows + columns == 0 ? x : at::constant_pad_nd(x, {0, columns, 0, rows});
}

/// x beside itself for each member of each group, plane by plane: so it is laid out where it is
/// repeated, and from images that are channels last LibTorch 2.11 makes wrong gradients on the CPU
/// (in float32, of a group of one member, now and then not finite).
std::vector<at::Tensor> repeated(const at::Tensor& x, const Groups& groups) {
  std::map<std::int64_t, at::Tensor> by_size;
  std::vector<at::Tensor> inputs;
  for (const Group& group : groups) {
    at::Tensor& input = by_size[group.size()];
    if (!input.defined()) {
      input = group.size() == 1 ? x.contiguous() : x.repeat({1, group.size(), 1, 1});
    }
    inputs.push_back(input);
  }
  return inputs;
}

/// Depthwise and pointwise convolution of unit `number` of all groups: a grouped convolution a
/// group, then one for all. inputs: a group's (N, members · C, H, W). → (N, all members · C, H',
/// W'), before the batch norm.
at::Tensor MergedCell::separable(const std::vector<at::Tensor>& inputs, const Groups& groups,
                                 std::size_t number) const {
  std::vector<at::Tensor> between;
  std::vector<at::Tensor> pointwise;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::vector<at::Tensor> depthwise;
    for (const Member& member : groups[i].members) {
      const Unit& u = unit(member, number);
      depthwise.push_back(weight(u, 0));
      pointwise.push_back(weight(u, 1));
    }
    const Unit& u = unit(groups[i].members.front(), number);
    between.push_back(at::conv2d(inputs[i], at::cat(depthwise), at::Tensor(), u.stride,
                                 u.dilation * (u.kernel - 1) / 2, u.dilation, inputs[i].size(1)));
  }
  return at::conv2d(between.size() == 1 ? between.front() : at::cat(between, 1), at::cat(pointwise),
                    at::Tensor(), 1, at::IntArrayRef{0, 0}, 1, std::ssize(pointwise));
}

/// alpha of every channel where unit `number` is an operation's last, else 1.
at::Tensor MergedCell::scales(const Groups& groups, std::size_t number) const {
  std::vector<at::Tensor> values;
  for (const Group& group : groups) {
    for (const Member& member : group.members) {
      values.push_back(number + 1 == group.units() ? mixing(member) : one_);
    }
  }
  return at::stack(values).unsqueeze(1).expand({-1, plan_.channels}).reshape({-1});
}

at::Tensor MergedCell::normalise(const at::Tensor& z, const Groups& groups, std::size_t number) {
  std::vector<Norm> norms;
  for (const Group& group : groups) {
    for (const Member& member : group.members) {
      norms.push_back(unit(member, number).norm.ptr());
    }
  }
  return norms_.run(z, scales(groups, number), norms);
}

/// Separable convolutions times their mixing weights, unit by unit.
void MergedCell::run_separable(Groups groups, const at::Tensor& relu) {
  // Those that go on to a further unit stand in front.
  std::ranges::stable_sort(groups, std::ranges::greater(), &Group::units);
  std::vector<at::Tensor> inputs = repeated(relu, groups);
  Outputs sum;
  for (std::size_t number = 0; !groups.empty(); ++number) {
    const at::Tensor z = normalise(separable(inputs, groups, number), groups, number);
    const auto done = std::ranges::find(groups, number + 1, &Group::units);
    const Groups finished(done, groups.end());
    groups.erase(done, groups.end());
    std::vector<std::int64_t> sizes;
    for (const Group& group : groups) {
      sizes.push_back(group.size() * plan_.channels);
    }
    sizes.push_back(members_of(finished) * plan_.channels);
    const std::vector<at::Tensor> parts = z.split_with_sizes(sizes, 1);
    inputs.clear();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      inputs.push_back(at::relu(parts[i]));
    }
    if (finished.empty()) {
      continue;
    }
    Outputs outputs = sum_by_edge(finished, parts.back());
    if (sum.edges == outputs.edges) {
      sum.images = sum.images + outputs.images;
    } else {
      add(std::exchange(sum, std::move(outputs)));
    }
  }
  add(sum);
}

/// Factorized reduces times their mixing weights.
void MergedCell::run_factorized(const Groups& groups, const at::Tensor& relu) {
  if (groups.empty()) {
    return;
  }
  const at::Tensor even = padded_to_even(relu);
  for (const Group& group : groups) {
    std::array<std::vector<at::Tensor>, 2> weights;
    for (const Member& member : group.members) {
      for (std::size_t half = 0; half < 2; ++half) {
        weights[half].push_back(weight(unit(member, 0), half));
      }
    }
    std::array<at::Tensor, 2> halves;
    for (std::size_t half = 0; half < 2; ++half) {
      const auto shift = static_cast<std::int64_t>(half);
      // The stride is taken first: every other pixel is all that the convolution reads.
      const at::Tensor seen =
          even.slice(2, shift, std::nullopt, 2).slice(3, shift, std::nullopt, 2);
      halves[half] = at::conv2d(seen, at::cat(weights[half])).unflatten(1, {group.size(), -1});
    }
    const at::Tensor z = at::cat({halves[0], halves[1]}, 2).flatten(1, 2);
    add(sum_by_edge({group}, normalise(z, {group}, 0)));
  }
}

/// Pools of the state, which the members of a group share but for their mixing weights.
void MergedCell::run_pools(const Groups& groups, const at::Tensor& state) {
  std::vector<at::Tensor> pooled;
  std::vector<Norm> norms;
  for (const Group& group : groups) {
    pooled.push_back(pool(group, state));
    norms.push_back(group.front().norm.ptr());
  }
  const std::vector<at::Tensor> y =
      norms_.run(at::cat(pooled, 1), {}, norms).split(plan_.channels, 1);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::int64_t first = static_cast<std::int64_t>(i) * plan_.channels;
    for (std::size_t m = 1; m < groups[i].members.size(); ++m) {
      norms_.also(groups[i].members[m].operation->norm.ptr(), first);
    }
    add_scaled(groups[i], y[i]);
  }
}

/// The same in evaluation mode: running statistics may differ from member to member, where some
/// were not run in every pass.
void MergedCell::run_pools_in_evaluation(const Groups& groups, const at::Tensor& state) {
  std::vector<at::Tensor> pooled;
  std::vector<Norm> norms;
  Groups single;
  for (const Group& group : groups) {
    const at::Tensor z = pool(group, state);
    for (const Member& member : group.members) {
      pooled.push_back(z);
      norms.push_back(member.operation->norm.ptr());
      single.push_back({{member}});
    }
  }
  const std::vector<at::Tensor> y =
      norms_.run(at::cat(pooled, 1), {}, norms).split(plan_.channels, 1);
  for (std::size_t i = 0; i < single.size(); ++i) {
    add_scaled(single[i], y[i]);
  }
}

/// The outputs of `groups` one after the other, (N, members · C, H', W'): those of an edge summed,
/// where all groups have the same edges.
Outputs MergedCell::sum_by_edge(const Groups& groups, const at::Tensor& z) const {
  const bool same = std::ranges::all_of(
      groups, [&](const Group& group) { return same_edges(group, groups.front()); });
  Outputs outputs;
  for (const Group& group : groups) {
    for (const Member& member : group.members) {
      outputs.edges.push_back(member.edge);
    }
  }
  const std::int64_t count = std::ssize(groups);
  if (!same || count == 1) {
    outputs.images = z;
    return outputs;
  }
  outputs.edges.resize(static_cast<std::size_t>(groups.front().size()));
  outputs.images = z.unflatten(1, {count, z.size(1) / count}).sum(1);
  return outputs;
}

/// Adds alpha · images to the node that each edge enters.
void MergedCell::add_scaled(const Group& group, const at::Tensor& images) {
  for (const Member& member : group.members) {
    at::Tensor& node = entered(*member.edge);
    node = node.defined() ? at::addcmul(node, images, mixing(member)) : images * mixing(member);
  }
}

/// Adds each edge's part to the node that it enters.
void MergedCell::add(const Outputs& outputs) {
  if (outputs.edges.empty()) {
    return;
  }
  const std::vector<at::Tensor> parts = outputs.images.split(plan_.channels, 1);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    merged::add(entered(*outputs.edges[i]), parts[i]);
  }
}

void MergedCell::leave(std::size_t state) {
  const at::Tensor value = states_[state];
  const Groups groups =
      group_operations(plan_, plan_.leaving(static_cast<std::int64_t>(state)), active_);
  const Groups separable = of_units(plan_, groups, UnitKind::separable);
  const Groups factorized = of_units(plan_, groups, UnitKind::factorized);
  const at::Tensor relu = separable.empty() && factorized.empty() ? at::Tensor() : at::relu(value);
  run_separable(separable, relu);
  run_factorized(factorized, relu);
  Groups pools = of_kind(groups, OperationKind::max_pool);
  std::ranges::move(of_kind(groups, OperationKind::average_pool), std::back_inserter(pools));
  if (!pools.empty()) {
    training_ ? run_pools(pools, value) : run_pools_in_evaluation(pools, value);
  }
  for (const Group& group : of_kind(groups, OperationKind::identity)) {
    add_scaled(group, value);
  }
  for (const OperationKind as_module : {OperationKind::dropout, OperationKind::other}) {
    for (const Group& group : of_kind(groups, as_module)) {
      torch::nn::AnyModule module = group.front().module;
      add_scaled(group, module.forward(value));
    }
  }
}

/// A node that no operation enters is zero, as if all of its edges were `none`.
void MergedCell::complete(std::int64_t node) {
  at::Tensor& value = states_[static_cast<std::size_t>(node)];
  if (value.defined()) {
    return;
  }
  for (const Edge* edge : plan_.entering(node)) {
    const at::Tensor zero =
        Zero(edge->stride)->forward(states_[static_cast<std::size_t>(edge->from)]);
    merged::add(value, zero * mixing_[static_cast<std::size_t>(edge->row * plan_.columns)]);
  }
}

at::Tensor MergedCell::run() {
  const auto states = static_cast<std::size_t>(plan_.states());
  states_.resize(states);
  states_[0] = inputs_.s0;
  states_[1] = inputs_.s1;
  for (std::size_t state = 0; state + 1 < states; ++state) {
    leave(state);
    complete(static_cast<std::int64_t>(state) + 1);
  }
  norms_.move_running();
  return at::cat(at::TensorList(states_).slice(cell_inputs), 1);
}

}  // namespace

at::Tensor merged_cell(const CellPlan& plan, const CellInputs& inputs,
                       const MergedOptions& options) {
  return MergedCell(plan, inputs, options).run();
}

}  // namespace darts::merged
