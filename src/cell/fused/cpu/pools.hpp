#pragma once

#include "blends.hpp"
#include "fused/processor.hpp"
#include "kernels/pooling.hpp"

namespace darts::fused::cpu {

/// Memory for the outputs of those of a state's pools that have none; false: all have.
template <class T, class S>
bool make_pools(const CpuPass<T, S>& pass, StatePass& from) {
  bool made = false;
  for (PoolPass& pool : from.pools) {
    if (!pool.z.defined()) {
      pool.z = new_node<S>(pass);
      made = true;
    }
  }
  return made;
}

inline kernels::PoolShape shape_of(const StatePass& from, const PoolPass& pool) {
  const bool max = pool.kind == OperationKind::max_pool;
  return {max ? kernels::Pool::max : kernels::Pool::average, from.value.size(1), from.value.size(2),
          from.value.size(3), from.stride};
}

/// Image n of a pool's output.
template <class T, class S>
void run_pool(const CpuPass<T, S>&, const StatePass& from, const PoolPass& pool, std::int64_t n) {
  kernels::pool_forward(shape_of(from, pool), image_of<T>(from.value, n), image_of<S>(pool.z, n));
}

/// The gradient of a pool's output: the backward pass of its batch norm for the sum of all edges'.
template <class T, class S>
ImageSum<T, S> pool_gradient(const CpuPass<T, S>& pass, const PoolPass& pool, Tensors gradients) {
  ImageSum<T, S> sum(pass.node_pixels(), pass.channels);
  for (const Link& link : pool.links) {
    sum.add(gradients[static_cast<std::size_t>(link.to)], scale_of(pass, link, pool.norm), {},
            pass.dropped_edge(link));
  }
  sum.add(pool.z, pass.norms[pool.norm].gradient.b);
  sum.set_bias(pass.norms[pool.norm].gradient.c);
  return sum;
}

/// Adds image n of what comes back to the state through a pool to `to`. pooled: room for an image
/// of the pool's output.
template <class T, class S>
void run_pool_backward(const StatePass& from, const PoolPass& pool, const ImageSum<T, S>& gradient,
                       std::int64_t n, T* pooled, T* to) {
  gradient.run(n, pooled);
  kernels::pool_backward(shape_of(from, pool), image_of<T>(from.value, n), image_of<S>(pool.z, n),
                         pooled, to);
}

}  // namespace darts::fused::cpu
