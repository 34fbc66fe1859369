#include "pools.hpp"
#include "processor.hpp"

#include <numeric>

namespace darts::fused::cpu {
namespace {

/// The operations of an edge, in their order.
struct EdgeProducts {
  at::Tensor gradient;  ///< of the node that it enters
  std::vector<Summand> operations;
};

std::vector<EdgeProducts> edges_of(const StatePass& from, Tensors gradients) {
  std::vector<Summand> all = summands_of(from);
  std::ranges::sort(all, {}, [](const Summand& summand) { return summand.link.weight; });
  std::vector<EdgeProducts> edges;
  for (Summand& summand : all) {
    if (edges.empty() || edges.back().operations.back().link.to != summand.link.to) {
      edges.push_back({gradients[static_cast<std::size_t>(summand.link.to)], {}});
    }
    edges.back().operations.push_back(std::move(summand));
  }
  return edges;
}

/// Image n's Σ G and Σ G · images of all operations, a value a channel, edge by edge: added to
/// `sums`.
template <class T, class S>
void add_products(const CpuPass<T, S>& pass, const std::vector<EdgeProducts>& edges, std::int64_t n,
                  double* sums) {
  std::vector<kernels::Factor<T, S>> factors;
  std::vector<double> of_image;
  for (const EdgeProducts& edge : edges) {
    factors.assign(1, {});  // for the sum of the gradient itself
    for (const Summand& operation : edge.operations) {
      factors.push_back(factor_of<T, S>(operation.images, n));
    }
    const std::int64_t values = std::ssize(factors) * pass.channels;
    const T* const dropped = pass.dropped_edge(edge.operations.front().link).of(n);
    of_image.assign(static_cast<std::size_t>(dropped == nullptr ? 0 : values), 0.0);
    kernels::channel_products<T, S>({pass.node_pixels(), pass.channels,
                                     image_of<T>(edge.gradient, n), factors,
                                     dropped == nullptr ? sums : of_image.data()});
    for (std::size_t i = 0; i < of_image.size(); ++i) {
      sums[i] +=
          of_image[i] * static_cast<double>(dropped[i % static_cast<std::size_t>(pass.channels)]);
    }
    sums += values;
  }
}

/// Σ over channels of Σ G · x̂, or of Σ G · images where there is no batch norm.
template <class T, class S>
double alpha_gradient(const CpuPass<T, S>& pass, const Summand& operation,
                      const batch::Moments& of_g) {
  const auto sum = [](const auto& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  };
  return operation.norm ? sum(batch::scale_gradient(pass.norms[*operation.norm].statistics, of_g))
                        : sum(std::span(of_g.products, static_cast<std::size_t>(pass.lanes)));
}

/// What comes into a pool's batch norm from all edges: Σ g and Σ g·z of Σ alpha · G.
class PoolMoments {
 public:
  explicit PoolMoments(std::int64_t channels) : values_(2 * static_cast<std::size_t>(channels)) {}

  void add(double weight, const batch::Moments& of_g) {
    const std::size_t channels = values_.size() / 2;
    for (std::size_t c = 0; c < channels; ++c) {
      values_[c] += weight * of_g.sums[c];
      values_[channels + c] += weight * of_g.products[c];
    }
  }
  batch::Moments moments() const { return {values_.data(), values_.data() + values_.size() / 2}; }

 private:
  std::vector<double> values_;
};

/// Gradients of the mixing weights. `sums`: as add_products() leaves them, of all of this rank's
/// images.
template <class T, class S>
void take_alpha(const CpuPass<T, S>& pass, const std::vector<EdgeProducts>& edges,
                const double* sums, T* mixing) {
  for (const EdgeProducts& edge : edges) {
    batch::Moments of_g{sums, sums};
    for (const Summand& operation : edge.operations) {
      of_g.products += pass.channels;
      mixing[operation.link.weight] = static_cast<T>(alpha_gradient(pass, operation, of_g));
    }
    sums = of_g.products + pass.channels;
  }
}

/// How the gradients of what goes into the batch norms follow. `sums`: of all images that these
/// normalise over.
template <class T, class S>
void take_gradients(CpuPass<T, S>& pass, const StatePass& from,
                    const std::vector<EdgeProducts>& edges, const double* sums) {
  std::vector<PoolMoments> pools(from.pools.size(), PoolMoments(pass.channels));
  for (const EdgeProducts& edge : edges) {
    batch::Moments of_g{sums, sums};
    for (const Summand& operation : edge.operations) {
      of_g.products += pass.channels;
      const double weight = pass.mixing_weight(operation.link);
      const auto pool = std::ranges::find(from.pools, operation.norm, &PoolPass::norm);
      if (pool != from.pools.end()) {
        pools[static_cast<std::size_t>(pool - from.pools.begin())].add(weight, of_g);
      } else if (operation.norm) {
        pass.take_gradient(*operation.norm, of_g, weight);
      }
    }
    sums = of_g.products + pass.channels;
  }
  for (std::size_t i = 0; i < pools.size(); ++i) {
    pass.take_gradient(from.pools[i].norm, pools[i].moments(), 1.0);
  }
}

}  // namespace

template <class T, class S>
void CpuProcessor<T, S>::run_alpha_gradient(StatePass& from, Tensors gradients,
                                            const at::Tensor& mixing) {
  const bool pools_are_new = make_pools(pass_, from);
  const std::vector<EdgeProducts> edges = edges_of(from, gradients);
  std::int64_t products = 0;
  Cost cost;  // reads the tensors, and once an edge its node's gradient
  for (const EdgeProducts& edge : edges) {
    products += 1 + std::ssize(edge.operations);
    cost.bytes += bytes_of({edge.gradient});
    for (const Summand& operation : edge.operations) {
      cost.bytes += bytes_of({operation.images});
    }
  }
  cost.multiply_adds = products * pass_.images * pass_.node_pixels() * pass_.lanes;
  const batch::GroupSums<double> sums(pass_.images, products * pass_.channels);
  const Phase phase("cell: products for alpha", cost);
  batch::for_groups<T>(pass_.images, 0, [&](const batch::ImageGroup& group, T*) {
    double* const group_sums = sums.begin(group);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      for (const PoolPass& pool : from.pools) {
        if (pools_are_new) {
          run_pool(pass_, from, pool, n);
        }
      }
      add_products(pass_, edges, n, group_sums);
    }
  });
  std::vector<double> total = sums.total();
  take_alpha(pass_, edges, total.data(), mixing.mutable_data_ptr<T>());
  pass_.add_up(total);
  take_gradients(pass_, from, edges, total.data());
}

template void FloatProcessor::run_alpha_gradient(StatePass&, Tensors, const at::Tensor&);
template void BFloat16Processor::run_alpha_gradient(StatePass&, Tensors, const at::Tensor&);
template void DoubleProcessor::run_alpha_gradient(StatePass&, Tensors, const at::Tensor&);

}  // namespace darts::fused::cpu
