#pragma once

#include <cstdint>
#include <span>

// Sums over many images at a time: what the nodes of a mixed cell are made of. Plain pointers to
// dense pixels, channels a multiple of channel_multiple<T>() (separable.hpp).

namespace darts::kernels {

/// One summand: scale · x, the scale a value a channel; null: 1.
template <class T>
struct Term {
  const T* x = nullptr;
  const T* scale = nullptr;
};

template <class T>
struct WeightedSum {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  std::span<const Term<T>> terms;
  const T* bias = nullptr;  ///< a value a channel; null: 0
  /// Added where `mask` is above 0: a gradient that passes a ReLU. Both or neither; `masked` may be
  /// `out`.
  const T* masked = nullptr;
  const T* mask = nullptr;
  T* out = nullptr;  ///< pixels × channels
};

/// out = bias + Σ scale · x + (mask > 0 ? masked : 0).
template <class T>
void weighted_sum(const WeightedSum<T>& task);

template <class T>
struct ChannelProducts {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  const T* g = nullptr;
  std::span<const T* const> factors;  ///< null stands for 1
  double* sums = nullptr;             ///< adds Σ g · factor of every factor: factors × channels
};

/// Sums over pixels of g times each factor, a channel each.
template <class T>
void channel_products(const ChannelProducts<T>& task);

/// Adds Σ x and Σ x² to `sums` (2 × channels).
template <class T>
void channel_moments(const T* x, std::int64_t pixels, std::int64_t channels, double* sums);

}  // namespace darts::kernels
