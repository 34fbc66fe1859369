#include "forward.hpp"

#include "kernels/factorized.hpp"
#include "phase.hpp"
#include "statistics.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

namespace darts::fused {
namespace {

using Units = std::vector<std::size_t>;

/// Convolutions of edges: their first units, and of those with two the first and the second.
struct LeavingUnits {
  Units first;
  Units before_second;
  Units second;
};

LeavingUnits units_of(const std::vector<const Edge*>& edges) {
  LeavingUnits units;
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (!operation.units.empty()) {
        units.first.push_back(operation.units.front());
      }
      if (operation.units.size() > 1) {
        units.before_second.push_back(operation.units.front());
        units.second.push_back(operation.units.back());
      }
    }
  }
  return units;
}

/// The batch norms of one pool of all edges that have it: they all see the same images.
Norms pool_norms(const std::vector<const Edge*>& edges, OperationKind kind) {
  Norms norms;
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (operation.kind == kind) {
        norms.push_back(operation.norm.ptr());
      }
    }
  }
  return norms;
}

template <class T, class S>
class Forward {
 public:
  explicit Forward(CellPass<T, S>& pass) : pass_(pass) {}

  /// All that is computed from one state: the operations of the edges that leave it.
  void leave(std::int64_t state) {
    const auto edges = pass_.plan->leaving(state);
    const LeavingUnits units = units_of(edges);
    run_first_units(pass_.state(state), edges, units.first);
    run_second_units(units.before_second, units.second);
  }

  /// A node: the sum over its edges and their operations of alpha · (x − mean) · rstd, with alpha
  /// folded into the batch norms.
  void enter(std::int64_t state);

 private:
  void run_first_units(StatePass& from, const std::vector<const Edge*>& edges, const Units& units);
  void run_second_units(const Units& first, const Units& second);
  void run_unit(std::size_t unit, const kernels::PaddedImage<T>& input, std::int64_t n,
                double* sums, T* scratch, const kernels::Ahead& ahead) const;
  std::int64_t multiply_adds(const Units& units) const {
    return std::accumulate(
        units.begin(), units.end(), std::int64_t{0},
        [&](std::int64_t sum, std::size_t unit) { return sum + pass_.multiply_adds(unit); });
  }
  std::int64_t values() const { return pass_.images * pass_.node_pixels(); }

  CellPass<T, S>& pass_;
};

template <class T, class S>
void Forward<T, S>::run_unit(std::size_t unit, const kernels::PaddedImage<T>& input, std::int64_t n,
                             double* sums, T* scratch, const kernels::Ahead& ahead) const {
  const UnitPass& u = pass_.units[unit];
  const kernels::SeparableShape& s = u.shape;
  const T* const pointwise = u.pointwise.template const_data_ptr<T>();
  S* const output = pass_.output_of(u.output, n);
  if (pass_.plan->units[unit].kind == UnitKind::factorized) {
    const kernels::FactorizedShape shape{s.out_height, s.out_width, s.in_channels, s.out_channels};
    kernels::factorized_forward<T, S>({shape, input, pointwise, output, sums, scratch});
  } else {
    kernels::separable_forward<T, S>({s, input, u.depthwise.template const_data_ptr<T>(), pointwise,
                                      output, sums, scratch, ahead});
  }
}

/// The pools, and the first units of all convolutions, which share the state's ReLU.
template <class T, class S>
void Forward<T, S>::run_first_units(StatePass& from, const std::vector<const Edge*>& edges,
                                    const Units& units) {
  for (const std::size_t unit : units) {
    pass_.units[unit].output = pass_.new_output();
  }
  std::array<Norms, pool_kinds.size()> norms;
  for (std::size_t p = 0; p < norms.size(); ++p) {
    norms[p] = pool_norms(edges, pool_kinds[p]);
    from.pools[p].exists = !norms[p].empty();
  }
  pass_.make_pools(from);
  MomentSums sums(pass_.groups, units.size() + norms.size(), pass_.channels);
  const auto outputs = static_cast<std::int64_t>(units.size() + norms.size());
  const Phase phase("cell: pools, first convolutions",
                    {multiply_adds(units), pass_.bytes(from) + outputs * pass_.output_bytes()});
  pass_.for_groups([&](const Group& group, const Workspace<T>& own) {
    const auto input = pass_.cleared(own.input, from.height, from.width);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      kernels::fill_relu<T>(pass_.image_of(from.value, n), nullptr, nullptr, input);
      for (std::size_t i = 0; i < units.size(); ++i) {
        const bool last = i + 1 == units.size();
        run_unit(units[i], input, n, sums.of(group.index, i), own.scratch,
                 last ? pass_.ahead(from.value, n + 1) : kernels::Ahead{});
      }
      pass_.run_pools(from, n);
      for (std::size_t p = 0; p < norms.size(); ++p) {
        if (from.pools[p].exists) {
          kernels::channel_moments(pass_.output_of(from.pools[p].output, n), pass_.node_pixels(),
                                   pass_.channels, sums.of(group.index, units.size() + p));
        }
      }
    }
  });
  for (std::size_t i = 0; i < units.size(); ++i) {
    finish<T>(pass_.units[units[i]].statistics, sums.total(i), values(),
              {pass_.plan->units[units[i]].norm.ptr()}, pass_.options.training);
  }
  for (std::size_t p = 0; p < norms.size(); ++p) {
    if (!norms[p].empty()) {
      finish<T>(from.pools[p].statistics, sums.total(units.size() + p), values(), norms[p],
                pass_.options.training);
    }
  }
}

/// The second halves of separable convolutions: their input is the normalised first half.
template <class T, class S>
void Forward<T, S>::run_second_units(const Units& first, const Units& second) {
  const StatePass& node = pass_.node();
  for (const std::size_t unit : second) {
    pass_.units[unit].output = pass_.new_output();
  }
  MomentSums sums(pass_.groups, second.size(), pass_.channels);
  const Phase phase("cell: second convolutions",
                    {multiply_adds(second), 2 * std::ssize(second) * pass_.output_bytes()});
  pass_.for_groups([&](const Group& group, const Workspace<T>& own) {
    const auto input = pass_.cleared(own.input, node.height, node.width);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      for (std::size_t i = 0; i < second.size(); ++i) {
        pass_.fill_normalised(pass_.units[first[i]], n, input);
        const Next next(i, second.size(), n);
        run_unit(second[i], input, n, sums.of(group.index, i), own.scratch,
                 pass_.ahead(pass_.units[first[next.item]].output, next.image));
      }
    }
  });
  for (std::size_t i = 0; i < second.size(); ++i) {
    finish<T>(pass_.units[second[i]].statistics, sums.total(i), values(),
              {pass_.plan->units[second[i]].norm.ptr()}, pass_.options.training);
  }
}

template <class T, class S>
void Forward<T, S>::enter(std::int64_t state) {
  StatePass& node = pass_.state(state);
  node.value = pass_.new_images(node.height, node.width);
  Blend sum;
  sum.pixels = pass_.node_pixels();
  std::vector<double> bias(static_cast<std::size_t>(pass_.channels));
  const auto add = [&](const at::Tensor& images, const Statistics& statistics, double weight) {
    sum.summands.push_back({images, pass_.scaled(statistics, weight)});
    for (std::size_t c = 0; c < bias.size(); ++c) {
      bias[c] -= weight * statistics.mean[c] * statistics.rstd[c];
    }
  };
  for (const Edge* edge : pass_.plan->entering(state)) {
    const StatePass& from = pass_.state(edge->from);
    for (const Operation& operation : edge->operations) {
      const double weight = pass_.mixing_weight(*edge, operation);
      if (operation.kind == OperationKind::identity) {
        sum.summands.push_back({from.value, pass_.constant(weight)});
      } else if (operation.kind == OperationKind::convolution) {
        const UnitPass& unit = pass_.units[operation.last_unit()];
        add(unit.output, unit.statistics, weight);
      } else if (operation.kind != OperationKind::none) {
        const PoolPass& pool = from.pool(operation.kind);
        add(pool.output, pool.statistics, weight);
      }
    }
  }
  sum.bias = pass_.of_doubles(bias);
  Cost cost{values() * pass_.plan->channels * std::ssize(sum.summands), pass_.node_bytes()};
  for (const Blend::Summand& summand : sum.summands) {
    cost.bytes += static_cast<std::int64_t>(summand.images.nbytes());
  }
  const Phase phase("cell: sums of nodes", cost);
  pass_.for_groups([&](const Group& group, const Workspace<T>&) {
    for (std::int64_t n = group.first; n < group.last; ++n) {
      pass_.blend(sum, n, nullptr, nullptr, pass_.image_of(node.value, n));
    }
  });
}

}  // namespace

template <class T, class S>
void run_states(CellPass<T, S>& pass) {
  pass.state(0).value = pass.to_dense(pass.inputs.s0, 0);
  pass.state(1).value = pass.to_dense(pass.inputs.s1, 0);
  Forward<T, S> forward(pass);
  for (std::int64_t state = 0; state < pass.plan->states(); ++state) {
    if (state >= cell_inputs) {
      forward.enter(state);
    }
    if (state + 1 < pass.plan->states()) {
      forward.leave(state);
    }
  }
}

template void run_states(CellPass<float, float>&);
template void run_states(CellPass<float, kernels::BFloat16>&);
template void run_states(CellPass<double, double>&);

}  // namespace darts::fused
