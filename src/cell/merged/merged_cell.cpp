#include "merged_cell.hpp"

#include "batch_norms.hpp"

#include <darts/cell/topology.hpp>
#include <darts/ops/average_pool.hpp>

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

namespace darts::merged {
namespace {

using plan::CellInputs;
using plan::CellPlan;
using plan::Edge;
using plan::Operation;
using plan::OperationKind;
using plan::Unit;
using plan::UnitKind;

using Edges = std::vector<const Edge*>;

/// The operations of one primitive on all edges that leave a state.
struct Column {
  std::size_t index = 0;
  OperationKind kind = OperationKind::none;
  std::size_t units = 0;    ///< of a convolution
  bool factorized = false;  ///< a convolution that is a factorized reduce
};

class MergedCell {
 public:
  MergedCell(const CellPlan& plan, const at::Tensor& mixing, bool training)
      : plan_(plan), mixing_(mixing), rows_(mixing.unbind()), norms_(training) {}

  at::Tensor run(const at::Tensor& s0, const at::Tensor& s1);

 private:
  /// All that leaves one state.
  struct Leaving {
    Edges edges;
    std::vector<at::Tensor> mixing;  ///< of each primitive, a value an edge
    at::Tensor value;                ///< of the state
    at::Tensor relu;                 ///< of it; undefined: no operation wants it
  };

  void leave(std::size_t state);
  void add_scaled(const Leaving& from, const Column& column, const at::Tensor& images);
  void add_parts(const Leaving& from, const at::Tensor& sums);
  at::Tensor& entered(const Edge& edge) { return states_[static_cast<std::size_t>(edge.to)]; }

  std::vector<Column> columns(const Edges& edges, OperationKind kind) const;
  const Unit& unit(const Edge& edge, const Column& column, std::size_t number) const {
    return plan_.units[edge.operations[column.index].units[number]];
  }
  const at::Tensor& weight(const Unit& unit, std::size_t number) const {
    return plan_.weights[unit.weight + number];
  }

  at::Tensor separable(const std::vector<at::Tensor>& inputs, const Edges& edges,
                       const std::vector<Column>& columns, std::size_t number) const;
  at::Tensor normalise(const at::Tensor& z, const Leaving& from, const std::vector<Column>& columns,
                       std::size_t number);
  at::Tensor scales(const Leaving& from, const std::vector<Column>& columns,
                    std::size_t number) const;
  at::Tensor run_separable(const Leaving& from);
  at::Tensor run_factorized(const Leaving& from);
  void run_pools(const Leaving& from);

  const CellPlan& plan_;
  at::Tensor mixing_;
  std::vector<at::Tensor> rows_;  ///< of mixing_; many parts of a tensor are best taken at once
  BatchNorms norms_;
  std::vector<at::Tensor> states_;
};

void add(at::Tensor& sum, const at::Tensor& term) { sum = sum.defined() ? sum + term : term; }

/// The sum of `count` parts of the channels.
at::Tensor sum_of_parts(const at::Tensor& x, std::int64_t count) {
  return count == 1 ? x : x.unflatten(1, {count, x.size(1) / count}).sum(1);
}

/// Zeros below and on the right where there is a row or column too few.
at::Tensor padded_to_even(const at::Tensor& x) {
  const std::int64_t rows = x.size(2) % 2;
  const std::int64_t columns = x.size(3) % 2;
  return rows + columns == 0 ? x : at::constant_pad_nd(x, {0, columns, 0, rows});
}

std::vector<Column> MergedCell::columns(const Edges& edges, OperationKind kind) const {
  std::vector<Column> found;
  for (std::size_t i = 0; i < edges.front()->operations.size(); ++i) {
    const Operation& operation = edges.front()->operations[i];
    if (operation.kind == kind) {
      const bool factorized = !operation.units.empty() &&
                              plan_.units[operation.units.front()].kind == UnitKind::factorized;
      found.push_back({i, kind, operation.units.size(), factorized});
    }
  }
  return found;
}

/// Depthwise and pointwise convolution of unit `number` of all edges' operations in `columns`: a
/// grouped convolution a column, then one for all. inputs: a column's (N, edges · C, H, W), or the
/// same for all. → (N, columns · edges · C, H', W'), before the batch norm.
at::Tensor MergedCell::separable(const std::vector<at::Tensor>& inputs, const Edges& edges,
                                 const std::vector<Column>& columns, std::size_t number) const {
  std::vector<at::Tensor> between;
  std::vector<at::Tensor> pointwise;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::vector<at::Tensor> depthwise;
    for (const Edge* edge : edges) {
      const Unit& u = unit(*edge, columns[i], number);
      depthwise.push_back(weight(u, 0));
      pointwise.push_back(weight(u, 1));
    }
    const Unit& u = unit(*edges.front(), columns[i], number);
    const at::Tensor& x = inputs[std::min(i, inputs.size() - 1)];
    between.push_back(at::conv2d(x, at::cat(depthwise), at::Tensor(), u.stride,
                                 u.dilation * (u.kernel - 1) / 2, u.dilation, x.size(1)));
  }
  const std::int64_t groups = std::ssize(pointwise);
  return at::conv2d(between.size() == 1 ? between.front() : at::cat(between, 1), at::cat(pointwise),
                    at::Tensor(), 1, at::IntArrayRef{0, 0}, 1, groups);
}

/// alpha of every channel where unit `number` is an operation's last, else 1.
at::Tensor MergedCell::scales(const Leaving& from, const std::vector<Column>& columns,
                              std::size_t number) const {
  const std::int64_t edges = std::ssize(from.edges);
  std::vector<at::Tensor> parts;
  for (const Column& column : columns) {
    parts.push_back(number + 1 == column.units ? from.mixing[column.index]
                                               : at::ones({edges}, mixing_.options()));
  }
  return at::cat(parts).unsqueeze(1).expand({-1, plan_.channels}).reshape({-1});
}

at::Tensor MergedCell::normalise(const at::Tensor& z, const Leaving& from,
                                 const std::vector<Column>& columns, std::size_t number) {
  std::vector<Norm> norms;
  for (const Column& column : columns) {
    for (const Edge* edge : from.edges) {
      norms.push_back(unit(*edge, column, number).norm.ptr());
    }
  }
  return norms_.run(z, scales(from, columns, number), norms);
}

/// Separable convolutions times their mixing weights: (N, edges · C, H', W'); undefined: there are
/// none.
at::Tensor MergedCell::run_separable(const Leaving& from) {
  std::vector<Column> columns = this->columns(from.edges, OperationKind::convolution);
  std::erase_if(columns, [](const Column& column) { return column.factorized; });
  if (columns.empty()) {
    return {};
  }
  // Those that go on to a second unit stand in front.
  std::stable_sort(columns.begin(), columns.end(),
                   [](const Column& a, const Column& b) { return a.units > b.units; });
  const auto twice = std::count_if(columns.begin(), columns.end(),
                                   [](const Column& column) { return column.units == 2; });
  const std::int64_t edges = std::ssize(from.edges);
  const at::Tensor relu = edges == 1 ? from.relu : from.relu.repeat({1, edges, 1, 1});
  const at::Tensor first = normalise(separable({relu}, from.edges, columns, 0), from, columns, 0);
  const std::int64_t width = first.size(1) / std::ssize(columns);
  const std::int64_t once = std::ssize(columns) - twice;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(twice), width);
  sizes.push_back(once * width);
  const std::vector<at::Tensor> parts = first.split_with_sizes(sizes, 1);
  at::Tensor sum;
  if (once > 0) {
    sum = sum_of_parts(parts.back(), once);
  }
  if (twice > 0) {
    std::vector<at::Tensor> inputs;
    for (auto part = parts.begin(); part != parts.end() - 1; ++part) {
      inputs.push_back(at::relu(*part));
    }
    const std::vector<Column> second(columns.begin(), columns.begin() + twice);
    add(sum,
        sum_of_parts(normalise(separable(inputs, from.edges, second, 1), from, second, 1), twice));
  }
  return sum;
}

/// Factorized reduces times their mixing weights, as run_separable().
at::Tensor MergedCell::run_factorized(const Leaving& from) {
  std::vector<Column> columns = this->columns(from.edges, OperationKind::convolution);
  std::erase_if(columns, [](const Column& column) { return !column.factorized; });
  if (columns.empty()) {
    return {};
  }
  const std::int64_t edges = std::ssize(from.edges);
  const at::Tensor even = padded_to_even(from.relu);
  at::Tensor sum;
  for (const Column& column : columns) {
    std::array<std::vector<at::Tensor>, 2> weights;
    for (const Edge* edge : from.edges) {
      for (std::size_t half = 0; half < 2; ++half) {
        weights[half].push_back(weight(unit(*edge, column, 0), half));
      }
    }
    std::array<at::Tensor, 2> halves;
    for (std::size_t half = 0; half < 2; ++half) {
      const auto shift = static_cast<std::int64_t>(half);
      // The stride is taken first: every other pixel is all that the convolution reads.
      const at::Tensor seen =
          even.slice(2, shift, std::nullopt, 2).slice(3, shift, std::nullopt, 2);
      halves[half] = at::conv2d(seen, at::cat(weights[half])).unflatten(1, {edges, -1});
    }
    const at::Tensor z = at::cat({halves[0], halves[1]}, 2).flatten(1, 2);
    add(sum, normalise(z, from, {column}, 0));
  }
  return sum;
}

/// Pools of the state, which all edges share but for their mixing weights.
void MergedCell::run_pools(const Leaving& from) {
  const std::int64_t stride = from.edges.front()->stride;
  std::vector<Column> columns = this->columns(from.edges, OperationKind::max_pool);
  std::vector<at::Tensor> pooled;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    pooled.push_back(at::max_pool2d(from.value, 3, stride, 1));
  }
  for (const Column& column : this->columns(from.edges, OperationKind::average_pool)) {
    columns.push_back(column);
    pooled.push_back(average_pool(from.value, stride));
  }
  if (columns.empty()) {
    return;
  }
  const auto norm = [](const Edge& edge, const Column& column) {
    return edge.operations[column.index].norm.ptr();
  };
  std::vector<Norm> norms;
  for (const Column& column : columns) {
    norms.push_back(norm(*from.edges.front(), column));
  }
  const std::vector<at::Tensor> y =
      norms_.run(at::cat(pooled, 1), {}, norms).split(plan_.channels, 1);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::int64_t first = static_cast<std::int64_t>(i) * plan_.channels;
    for (std::size_t e = 1; e < from.edges.size(); ++e) {
      norms_.also(norm(*from.edges[e], columns[i]), first);
    }
    add_scaled(from, columns[i], y[i]);
  }
}

/// Adds alpha · images to the node that each edge enters.
void MergedCell::add_scaled(const Leaving& from, const Column& column, const at::Tensor& images) {
  const std::vector<at::Tensor> mixing = from.mixing[column.index].unbind();
  for (std::size_t e = 0; e < from.edges.size(); ++e) {
    at::Tensor& node = entered(*from.edges[e]);
    node = node.defined() ? at::addcmul(node, images, mixing[e]) : images * mixing[e];
  }
}

/// Adds its part of `sums`, (N, edges · C, H', W'), to the node that each edge enters.
void MergedCell::add_parts(const Leaving& from, const at::Tensor& sums) {
  if (sums.defined()) {
    const std::vector<at::Tensor> parts = sums.split(plan_.channels, 1);
    for (std::size_t e = 0; e < from.edges.size(); ++e) {
      add(entered(*from.edges[e]), parts[e]);
    }
  }
}

void MergedCell::leave(std::size_t state) {
  Leaving from;
  from.edges = plan_.leaving(static_cast<std::int64_t>(state));
  from.value = states_[state];
  std::vector<at::Tensor> rows;
  for (const Edge* edge : from.edges) {
    rows.push_back(rows_[static_cast<std::size_t>(edge->row)]);
  }
  from.mixing = at::stack(rows).unbind(1);
  if (!columns(from.edges, OperationKind::convolution).empty()) {
    from.relu = at::relu(from.value);
  }
  add_parts(from, run_separable(from));
  add_parts(from, run_factorized(from));
  run_pools(from);
  for (const Column& column : columns(from.edges, OperationKind::identity)) {
    add_scaled(from, column, from.value);
  }
}

at::Tensor MergedCell::run(const at::Tensor& s0, const at::Tensor& s1) {
  const auto states = static_cast<std::size_t>(plan_.states());
  states_.resize(states);
  states_[0] = s0;
  states_[1] = s1;
  for (std::size_t state = 0; state + 1 < states; ++state) {
    leave(state);
  }
  norms_.move_running();
  return at::cat(at::TensorList(states_).slice(cell_inputs), 1);
}

}  // namespace

bool can_merge(const CellPlan& plan) {
  const auto& operations = plan.edges.front().operations;
  return std::any_of(operations.begin(), operations.end(), [](const Operation& operation) {
    return operation.kind != OperationKind::none;
  });
}

at::Tensor merged_cell(const CellPlan& plan, const CellInputs& inputs, bool training) {
  return MergedCell(plan, inputs.mixing, training).run(inputs.s0, inputs.s1);
}

}  // namespace darts::merged
