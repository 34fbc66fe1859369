#pragma once

#include "bfloat16.hpp"

#include <cstdint>

// 3×3 pooling of one image, channels-last with dense pixels, channels a multiple of
// channel_multiple<T>() (packing.hpp). Padding 1 that takes no part: it is no maximum, and is not
// counted in an average. T and S: as in separable.hpp, S for what a pool gives.

namespace darts::kernels {

enum class Pool { max, average };

struct PoolShape {
  Pool pool = Pool::max;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 1;

  std::int64_t out_height() const { return (height - 1) / stride + 1; }
  std::int64_t out_width() const { return (width - 1) / stride + 1; }
};

/// x: height×width×channels → y: out_height×out_width×channels. The maximum of values of which some
/// are NaN is NaN or the largest of the others.
template <class T, class S>
void pool_forward(const PoolShape& shape, const T* x, S* y);

/// Adds the gradient of x to `grad_x`. Of equal largest values the first one, row by row, gets the
/// gradient, as in PyTorch.
template <class T, class S>
void pool_backward(const PoolShape& shape, const T* x, const S* y, const T* grad_y, T* grad_x);

}  // namespace darts::kernels
