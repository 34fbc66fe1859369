#pragma once

#include "separable.hpp"

#include <cstdint>

namespace darts::kernels {

/// Factorized reduce of one image as a single pointwise product: an output pixel (y, x) sees the
/// input pixels (2y, 2x) and (2y + 1, 2x + 1) one after the other, 2 · in_channels values. (The
/// weights of the first convolution are zero for the second pixel, and the other way round.)
struct FactorizedShape {
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
};

template <class T, class S = T>
struct FactorizedForward {
  FactorizedShape shape;
  PaddedImage<T> input;        ///< padding ≥ 1, which odd heights and widths need
  const T* weights = nullptr;  ///< packed: 2·in_channels × out_channels
  S* output = nullptr;         ///< out_height × out_width × out_channels
  double* sums = nullptr;  ///< adds Σ z, then Σ z² of the output as stored: 2 × out_channels
  T* scratch = nullptr;    ///< factorized_scratch() elements
};

template <class T, class S>
void factorized_forward(const FactorizedForward<T, S>& task);

template <class T, class S = T>
struct FactorizedBackward {
  FactorizedShape shape;
  PaddedImage<T> input;
  NormalizedGradient<T, S> gradient;
  const T* weights_t = nullptr;  ///< packed: out_channels × 2·in_channels
  T* scratch = nullptr;          ///< factorized_scratch() elements
  T* grad_weights = nullptr;     ///< added to, packed as FactorizedForward's; null: not wanted
  /// Added to, the ReLU not applied: height×width×in_channels; null: not wanted.
  T* grad_sum = nullptr;
};

template <class T, class S>
void factorized_backward(const FactorizedBackward<T, S>& task);

/// Elements of working memory that both need.
std::int64_t factorized_scratch(const FactorizedShape& shape);

}  // namespace darts::kernels
