#include "backward.hpp"

#include "kernels/factorized.hpp"
#include "phase.hpp"
#include "weights.hpp"

#include <darts/cell/topology.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

namespace darts::fused {
namespace {

/// Σ over all pixels of a node's gradient times `images` (or times 1 where they are undefined).
struct Product {
  const Edge* edge = nullptr;
  const Operation* operation = nullptr;  ///< null: the sum of the gradient itself
  at::Tensor images;
};

/// A convolution of an edge.
struct Convolution {
  const Edge* edge = nullptr;
  const Operation* operation = nullptr;

  std::size_t first() const { return operation->units.front(); }
  std::size_t last() const { return operation->units.back(); }
  bool has_second() const { return operation->units.size() > 1; }
};

std::vector<Convolution> convolutions_of(const std::vector<const Edge*>& edges) {
  std::vector<Convolution> found;
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (operation.kind == OperationKind::convolution) {
        found.push_back({edge, &operation});
      }
    }
  }
  return found;
}

template <class T, class S>
class Backward {
 public:
  Backward(CellPass<T, S>& pass, const Wanted& wanted, CellGradients& gradients)
      : pass_(pass), wanted_(wanted), gradients_(gradients) {}

  /// Gradients of all that leaves a state; the gradients of the later states must be there.
  void leave(std::int64_t state);

 private:
  std::vector<Product> products_of(StatePass& from, const std::vector<const Edge*>& edges) const;
  void reduce_products(StatePass& from, const std::vector<const Edge*>& edges);
  void take_products(StatePass& from, const std::vector<Product>& products,
                     const std::vector<std::vector<double>>& sums);
  at::Tensor coefficients(const Statistics& statistics, double weight, const double* sum,
                          const double* product) const;

  void second_units(const std::vector<Convolution>& convolutions, const WeightSums<T, S>& weights);
  void first_units(StatePass& from, const std::vector<const Edge*>& edges,
                   const WeightSums<T, S>& weights, bool want_state);
  /// Of the batch norm's output of a convolution's first unit.
  const at::Tensor& first_gradient(const Convolution& c) const {
    return c.has_second() ? pass_.units[c.first()].gradient : pass_.state(c.edge->to).gradient;
  }
  void run_unit(std::size_t unit, const at::Tensor& gradient, std::int64_t n,
                kernels::SeparableBackward<T, S>& task) const;

  Cost products_cost(const std::vector<Product>& products) const;
  Cost second_cost(const std::vector<Convolution>& halves) const;
  Cost first_cost(const StatePass& from, const std::vector<Convolution>& convolutions,
                  bool want_state) const;
  Blend state_blend(const StatePass& from, const std::vector<const Edge*>& edges);
  Blend pool_blend(const StatePass& from, std::size_t pool, const std::vector<const Edge*>& edges);

  CellPass<T, S>& pass_;
  Wanted wanted_;
  CellGradients& gradients_;
};

template <class T, class S>
void Backward<T, S>::leave(std::int64_t state) {
  StatePass& from = pass_.state(state);
  const auto edges = pass_.plan->leaving(state);
  reduce_products(from, edges);
  const bool want_state = state >= cell_inputs || (state == 0 ? wanted_.s0 : wanted_.s1);
  if (want_state || wanted_.weights) {
    const WeightSums<T, S> weights(pass_, edges, wanted_.weights);
    second_units(convolutions_of(edges), weights);
    first_units(from, edges, weights, want_state);
    weights.take(gradients_.weights);
  }
  pass_.release(state);
}

template <class T, class S>
std::vector<Product> Backward<T, S>::products_of(StatePass& from,
                                                 const std::vector<const Edge*>& edges) const {
  std::vector<Product> products;
  for (const Edge* edge : edges) {
    products.push_back({edge, nullptr, {}});
    for (const Operation& operation : edge->operations) {
      if (operation.kind == OperationKind::identity) {
        products.push_back({edge, &operation, from.value});
      } else if (operation.kind == OperationKind::convolution) {
        products.push_back({edge, &operation, pass_.units[operation.last_unit()].output});
      } else if (operation.kind != OperationKind::none) {
        products.push_back({edge, &operation, from.pool(operation.kind).output});
      }
    }
  }
  return products;
}

/// The sums that the gradients of the mixing weights and of the batch norms are made of.
template <class T, class S>
void Backward<T, S>::reduce_products(StatePass& from, const std::vector<const Edge*>& edges) {
  const bool pools_are_new = pass_.make_pools(from);
  const std::vector<Product> products = products_of(from, edges);
  const auto channels = static_cast<std::size_t>(pass_.channels);
  const std::size_t group_size = products.size() * channels;
  std::vector<double> sums(static_cast<std::size_t>(pass_.groups) * group_size);
  const Phase phase("cell: products for alpha", products_cost(products));
  pass_.for_groups([&](const Group& group, const Workspace<T>&) {
    std::vector<kernels::Factor<T, S>> factors;
    for (std::int64_t n = group.first; n < group.last; ++n) {
      if (pools_are_new) {
        pass_.run_pools(from, n);
      }
      double* to = sums.data() + static_cast<std::size_t>(group.index) * group_size;
      for (auto first = products.begin(); first != products.end();) {
        const auto last = std::find_if(first, products.end(),
                                       [&](const Product& p) { return p.edge != first->edge; });
        factors.clear();
        std::transform(first, last, std::back_inserter(factors),
                       [&](const Product& p) { return pass_.factor_of(p.images, n); });
        const T* const gradient = pass_.image_of(pass_.state(first->edge->to).gradient, n);
        kernels::channel_products<T, S>(
            {pass_.node_pixels(), pass_.channels, gradient, factors, to});
        to += factors.size() * channels;
        first = last;
      }
    }
  });
  std::vector<std::vector<double>> totals(products.size(), std::vector<double>(channels));
  for (std::size_t at = 0; at < sums.size(); ++at) {
    totals[at % group_size / channels][at % channels] += sums[at];
  }
  take_products(from, products, totals);
}

template <class T, class S>
void Backward<T, S>::take_products(StatePass& from, const std::vector<Product>& products,
                                   const std::vector<std::vector<double>>& sums) {
  const auto channels = static_cast<std::size_t>(pass_.channels);
  std::array<std::vector<double>, pool_kinds.size()> pool_sum;
  std::array<std::vector<double>, pool_kinds.size()> pool_product;
  pool_sum.fill(std::vector<double>(channels));
  pool_product.fill(std::vector<double>(channels));
  const double* sum = nullptr;  // of the gradient of the edge's node
  for (std::size_t i = 0; i < products.size(); ++i) {
    const double* product = sums[i].data();
    if (products[i].operation == nullptr) {
      sum = product;
      continue;
    }
    const Operation& operation = *products[i].operation;
    const double weight = pass_.mixing_weight(*products[i].edge, operation);
    const Statistics* statistics = nullptr;
    if (operation.kind == OperationKind::convolution) {
      UnitPass& unit = pass_.units[operation.last_unit()];
      statistics = &unit.statistics;
      unit.coefficients = coefficients(*statistics, weight, sum, product);
    } else if (operation.kind != OperationKind::identity) {
      statistics = &from.pool(operation.kind).statistics;
      const std::size_t p = operation.kind == pool_kinds[0] ? 0 : 1;
      for (std::size_t c = 0; c < channels; ++c) {
        pool_sum[p][c] += weight * sum[c];
        pool_product[p][c] += weight * product[c];
      }
    }
    double gradient = 0.0;
    for (std::size_t c = 0; c < channels; ++c) {
      gradient += statistics == nullptr
                      ? product[c]
                      : (product[c] - statistics->mean[c] * sum[c]) * statistics->rstd[c];
    }
    gradients_.mixing
        .mutable_data_ptr<T>()[products[i].edge->row * pass_.plan->columns + operation.column] =
        static_cast<T>(gradient);
  }
  for (std::size_t p = 0; p < from.pools.size(); ++p) {
    if (PoolPass& pool = from.pools[p]; pool.exists) {
      pool.coefficients =
          coefficients(pool.statistics, 1.0, pool_sum[p].data(), pool_product[p].data());
    }
  }
}

/// The backward pass of weight · batch norm for a gradient g with Σ g = sum and Σ g·z = product:
/// weight · rstd · (g − mean(g) − x̂ · mean(g·x̂)) as a·g + b·z + c. 3 × channels.
template <class T, class S>
at::Tensor Backward<T, S>::coefficients(const Statistics& statistics, double weight,
                                        const double* sum, const double* product) const {
  const auto count = static_cast<double>(pass_.images * pass_.node_pixels());
  const std::int64_t channels = pass_.channels;
  at::Tensor out = at::empty({3, channels}, pass_.type);
  T* const a = out.mutable_data_ptr<T>();
  for (std::int64_t c = 0; c < channels; ++c) {
    const double mean = statistics.mean[static_cast<std::size_t>(c)];
    const double rstd = statistics.rstd[static_cast<std::size_t>(c)];
    const double mean_g = weight * sum[c] / count;
    const double mean_gx = weight * (product[c] - mean * sum[c]) * rstd / count;
    const double slope = -rstd * rstd * mean_gx;
    a[c] = static_cast<T>(weight * rstd);
    a[channels + c] = static_cast<T>(slope);
    a[2 * channels + c] = static_cast<T>(-rstd * mean_g - slope * mean);
  }
  return out;
}

template <class T, class S>
void Backward<T, S>::run_unit(std::size_t index, const at::Tensor& gradient, std::int64_t n,
                              kernels::SeparableBackward<T, S>& task) const {
  const UnitPass& unit = pass_.units[index];
  const T* const a = unit.coefficients.template const_data_ptr<T>();
  task.gradient = {pass_.image_of(gradient, n), pass_.output_of(unit.output, n), a,
                   a + pass_.channels, a + 2 * pass_.channels};
  const T* const pointwise_t = unit.pointwise_t.template const_data_ptr<T>();
  const kernels::SeparableShape& s = unit.shape;
  if (pass_.plan->units[index].kind == UnitKind::factorized) {
    const kernels::FactorizedShape shape{s.out_height, s.out_width, s.in_channels, s.out_channels};
    kernels::factorized_backward<T, S>({shape, task.input, task.gradient, pointwise_t, task.scratch,
                                        task.grad_pointwise, task.grad_sum});
    return;
  }
  task.shape = s;
  task.depthwise = unit.depthwise.template const_data_ptr<T>();
  task.pointwise_t = pointwise_t;
  kernels::separable_backward(task);
}

/// The second halves of separable convolutions. Their inputs' gradients go into UnitPass::gradient
/// of the first halves, with the coefficients of the batch norm between.
template <class T, class S>
void Backward<T, S>::second_units(const std::vector<Convolution>& convolutions,
                                  const WeightSums<T, S>& weights) {
  std::vector<Convolution> halves;
  std::copy_if(convolutions.begin(), convolutions.end(), std::back_inserter(halves),
               [](const Convolution& c) { return c.has_second(); });
  const StatePass& node = pass_.node();
  for (const Convolution& c : halves) {
    pass_.units[c.first()].gradient = pass_.new_images(node.height, node.width);
  }
  MomentSums sums(pass_.groups, halves.size(), pass_.channels);
  const Phase phase("cell: second convolutions backward", second_cost(halves));
  pass_.for_groups([&](const Group& group, const Workspace<T>& own) {
    kernels::SeparableBackward<T, S> task;
    task.input = pass_.cleared(own.input, node.height, node.width);
    task.room = pass_.cleared(own.room, node.height, node.width);
    task.scratch = own.scratch;
    for (std::int64_t n = group.first; n < group.last; ++n) {
      for (std::size_t i = 0; i < halves.size(); ++i) {
        const Convolution& c = halves[i];
        const UnitPass& first = pass_.units[c.first()];
        pass_.fill_normalised(first, n, task.input);
        task.grad_depthwise = weights.depthwise(c.last(), group);
        task.grad_pointwise = weights.pointwise(c.last(), group);
        task.grad_masked = pass_.image_of(first.gradient, n);
        task.before_relu = pass_.output_of(first.output, n);
        task.sums = sums.of(group.index, i);
        const Next next(i, halves.size(), n);
        const Convolution& then = halves[next.item];
        task.ahead_g = pass_.ahead(pass_.state(then.edge->to).gradient, next.image);
        task.ahead_z = pass_.ahead(pass_.units[then.last()].output, next.image);
        task.ahead_input = pass_.ahead(pass_.units[then.first()].output, next.image);
        run_unit(c.last(), pass_.state(c.edge->to).gradient, n, task);
      }
    }
  });
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const std::vector<double> total = sums.total(i);
    UnitPass& first = pass_.units[halves[i].first()];
    first.coefficients =
        coefficients(first.statistics, 1.0, total.data(), total.data() + pass_.channels);
    pass_.units[halves[i].last()].output.reset();
  }
}

/// The first units of all convolutions and the pools: what leads back to the state itself.
template <class T, class S>
void Backward<T, S>::first_units(StatePass& from, const std::vector<const Edge*>& edges,
                                 const WeightSums<T, S>& weights, bool want_state) {
  const std::vector<Convolution> convolutions = convolutions_of(edges);
  Blend sum;
  std::array<Blend, pool_kinds.size()> pools;
  at::Tensor gradient;
  if (want_state) {
    sum = state_blend(from, edges);
    for (std::size_t p = 0; p < pools.size(); ++p) {
      pools[p] = pool_blend(from, p, edges);
    }
    gradient = pass_.new_images(from.height, from.width);
  }
  const Phase phase("cell: pools, first convolutions backward",
                    first_cost(from, convolutions, want_state));
  pass_.for_groups([&](const Group& group, const Workspace<T>& own) {
    kernels::SeparableBackward<T, S> task;
    task.input = pass_.cleared(own.input, from.height, from.width);
    task.room = pass_.cleared(own.room, from.height, from.width);
    task.scratch = own.scratch;
    task.grad_sum = want_state ? own.image : nullptr;
    for (std::int64_t n = group.first; n < group.last; ++n) {
      const T* const value = pass_.image_of(from.value, n);
      kernels::fill_relu<T>(value, nullptr, nullptr, task.input);
      std::fill_n(own.image, from.height * from.width * pass_.channels, T(0));
      for (std::size_t i = 0; i < convolutions.size(); ++i) {
        const Convolution& c = convolutions[i];
        task.grad_depthwise = weights.depthwise(c.first(), group);
        task.grad_pointwise = weights.pointwise(c.first(), group);
        const Next next(i, convolutions.size(), n);
        const Convolution& then = convolutions[next.item];
        task.ahead_g = pass_.ahead(first_gradient(then), next.image);
        task.ahead_z = pass_.ahead(pass_.units[then.first()].output, next.image);
        task.ahead_input = next.item == 0 ? pass_.ahead(from.value, next.image) : kernels::Ahead{};
        run_unit(c.first(), first_gradient(c), n, task);
      }
      if (want_state) {
        T* const to = pass_.image_of(gradient, n);
        pass_.blend(sum, n, own.image, value, to);
        for (std::size_t p = 0; p < pools.size(); ++p) {
          if (const PoolPass& pool = from.pools[p]; pool.exists) {
            pass_.blend(pools[p], n, nullptr, nullptr, own.pooled);
            kernels::pool_backward(pass_.pool_shape(from, p), value,
                                   pass_.output_of(pool.output, n), own.pooled, to);
          }
        }
      }
    }
  });
  from.gradient = gradient;
}

/// Reads the tensors, and once an edge its node's gradient.
template <class T, class S>
Cost Backward<T, S>::products_cost(const std::vector<Product>& products) const {
  Cost cost;
  for (const Product& product : products) {
    cost.multiply_adds += pass_.images * pass_.node_pixels() * pass_.plan->channels;
    cost.bytes += product.images.defined() ? static_cast<std::int64_t>(product.images.nbytes())
                                           : pass_.node_bytes();
  }
  return cost;
}

/// Reads G, z and the first half's output, writes its gradient.
template <class T, class S>
Cost Backward<T, S>::second_cost(const std::vector<Convolution>& halves) const {
  Cost cost{0, 2 * std::ssize(halves) * (pass_.node_bytes() + pass_.output_bytes())};
  for (const Convolution& half : halves) {
    cost.multiply_adds += (wanted_.weights ? 2 : 1) * pass_.multiply_adds(half.last());
  }
  return cost;
}

/// Reads the state, and a gradient and z an edge; writes the state's gradient.
template <class T, class S>
Cost Backward<T, S>::first_cost(const StatePass& from, const std::vector<Convolution>& convolutions,
                                bool want_state) const {
  Cost cost{0, 2 * pass_.bytes(from) +
                   std::ssize(convolutions) * (pass_.node_bytes() + pass_.output_bytes())};
  for (const Convolution& c : convolutions) {
    cost.multiply_adds +=
        ((wanted_.weights ? 1 : 0) + (want_state ? 1 : 0)) * pass_.multiply_adds(c.first());
  }
  return cost;
}

/// The gradient of a state beside what comes through its ReLU and its pools.
template <class T, class S>
Blend Backward<T, S>::state_blend(const StatePass& from, const std::vector<const Edge*>& edges) {
  Blend sum;
  sum.pixels = from.height * from.width;
  if (from.gradient.defined()) {  // a node's own, as a part of the cell's output
    sum.summands.push_back({from.gradient, {}});
  }
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (operation.kind == OperationKind::identity) {
        sum.summands.push_back({pass_.state(edge->to).gradient,
                                pass_.constant(pass_.mixing_weight(*edge, operation))});
      }
    }
  }
  return sum;
}

/// The gradient of a pool's output: the backward pass of its batch norm for the sum of all edges'.
template <class T, class S>
Blend Backward<T, S>::pool_blend(const StatePass& from, std::size_t pool,
                                 const std::vector<const Edge*>& edges) {
  Blend sum;
  sum.pixels = pass_.node_pixels();
  const PoolPass& pass = from.pools[pool];
  if (!pass.exists) {
    return sum;
  }
  for (const Edge* edge : edges) {
    for (const Operation& operation : edge->operations) {
      if (operation.kind == pool_kinds[pool]) {
        sum.summands.push_back(
            {pass_.state(edge->to).gradient,
             pass_.scaled(pass.statistics, pass_.mixing_weight(*edge, operation))});
      }
    }
  }
  sum.summands.push_back({pass.output, pass.coefficients.select(0, 1)});
  sum.bias = pass.coefficients.select(0, 2);
  return sum;
}

}  // namespace

template <class T, class S>
CellGradients run_backward(CellPass<T, S>& pass, const at::Tensor& grad, const Wanted& wanted) {
  TORCH_CHECK(pass.options.training, "fused cell: evaluation mode has no gradients");
  CellGradients gradients;
  gradients.mixing = at::zeros_like(pass.inputs.mixing, at::MemoryFormat::Contiguous);
  if (wanted.weights) {
    gradients.weights.resize(pass.plan->weights.size());
  }
  for (std::int64_t node = 0; node < pass.plan->nodes; ++node) {
    pass.state(cell_inputs + node).gradient = pass.to_dense(grad, node * pass.plan->channels);
  }
  Backward<T, S> backward(pass, wanted, gradients);
  for (std::int64_t state = pass.plan->states() - 2; state >= 0; --state) {
    backward.leave(state);
  }
  const auto of_input = [&](std::int64_t state) {
    const at::Tensor& gradient = pass.state(state).gradient;
    return gradient.defined() ? pass.from_dense({&gradient, 1}) : at::Tensor();
  };
  gradients.s0 = of_input(0);
  gradients.s1 = of_input(1);
  return gradients;
}

template CellGradients run_backward(CellPass<float, float>&, const at::Tensor&, const Wanted&);
template CellGradients run_backward(CellPass<float, kernels::BFloat16>&, const at::Tensor&,
                                    const Wanted&);
template CellGradients run_backward(CellPass<double, double>&, const at::Tensor&, const Wanted&);

}  // namespace darts::fused
