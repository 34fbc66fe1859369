#pragma once

#include "unit.hpp"

// What lies around a batch norm, on one image at a time: see unit.hpp for the tensors.

namespace darts::kernels {

template <class T>
struct Normalize {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  Pixels<const T> z;
  Pixels<const T> addend;    ///< no data: 0
  const T* scale = nullptr;  ///< a value a channel, padded to whole vectors; null: y = addend + z
  const T* shift = nullptr;
  Pixels<T> y;
};

/// y = addend + scale · z + shift.
template <class T>
void normalize(const Normalize<T>& task);

template <class T>
struct GradientMoments {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  Pixels<const T> g;
  Pixels<const T> z;
  double weight = 1.0;
  double* sums = nullptr;      ///< adds weight · Σ g, a value a channel
  double* products = nullptr;  ///< adds weight · Σ g·z
};

template <class T>
void gradient_moments(const GradientMoments<T>& task);

}  // namespace darts::kernels
