#pragma once

#include "bfloat16.hpp"

#include <cstdint>
#include <span>

// Sums over many images at a time: what the nodes of a mixed cell are made of. Plain pointers to
// dense pixels, channels a multiple of channel_multiple<T>() (packing.hpp). T and S: as there.

namespace darts::kernels {

/// One summand: scale · x, the scale a value a channel; null: 1.
template <class T, class S = T>
struct Term {
  const S* x = nullptr;
  const T* scale = nullptr;
};

template <class T, class S = T>
struct WeightedSum {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  std::span<const Term<T>> terms;
  std::span<const Term<T, S>> stored;  ///< more of them
  const T* bias = nullptr;             ///< a value a channel; null: 0
  /// Added where `mask` is above 0: a gradient that passes a ReLU. Both or neither; `masked` may be
  /// `out`.
  const T* masked = nullptr;
  const T* mask = nullptr;
  T* out = nullptr;  ///< pixels × channels
};

/// out = bias + Σ scale · x + (mask > 0 ? masked : 0).
template <class T, class S>
void weighted_sum(const WeightedSum<T, S>& task);

/// A tensor of T or of S; neither stands for 1.
template <class T, class S = T>
struct Factor {
  const T* x = nullptr;
  const S* stored = nullptr;
};

template <class T, class S = T>
struct ChannelProducts {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  const T* g = nullptr;
  std::span<const Factor<T, S>> factors;
  double* sums = nullptr;  ///< adds Σ g · factor of every factor: factors × channels
};

/// Sums over pixels of g times each factor, a channel each.
template <class T, class S>
void channel_products(const ChannelProducts<T, S>& task);

/// Adds Σ x and Σ x² to `sums` (2 × channels).
template <class S>
void channel_moments(const S* x, std::int64_t pixels, std::int64_t channels, double* sums);

}  // namespace darts::kernels
