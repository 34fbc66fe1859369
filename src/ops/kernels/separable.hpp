#pragma once

#include "ahead.hpp"
#include "bfloat16.hpp"
#include "packing.hpp"

#include <algorithm>
#include <cstdint>

// ReLU → depthwise k×k → pointwise 1×1 as one kernel, forward and backward, on one image at a time.
// Plain pointers: no LibTorch here, so that the kernels can be compiled for every instruction set.
//
// Everything is channels-last with dense pixels, and the number of channels is a multiple of
// channel_multiple<T>(): whole vectors, so that the loops know no tails. Channels that pad the real
// ones carry zeros, and weights of zero.
//
// T is the type of the arithmetic: float or double. S is the one in which a convolution's output z
// is stored until its batch norm: T, or BFloat16 with float.

namespace darts::kernels {

/// An image with zeros around it, which spare the loops over taps all edge cases.
template <class T>
struct PaddedImage {
  T* data = nullptr;  ///< (height + 2·padding) × (width + 2·padding) × channels
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t padding = 0;

  std::int64_t row_size() const { return (width + 2 * padding) * channels; }
  std::int64_t size() const { return (height + 2 * padding) * row_size(); }
  /// Pixel (y, x) of the interior; negative ones are in the padding.
  T* pixel(std::int64_t y, std::int64_t x) const {
    return data + (y + padding) * row_size() + (x + padding) * channels;
  }
};

/// The interior of `to` = relu(scale · from + shift), or relu(from) where `scale` is null; the
/// padding is left alone. from: height×width×channels; scale, shift: a value a channel. NaN stays.
template <class T, class S>
void fill_relu(const S* from, const T* scale, const T* shift, const PaddedImage<T>& to);

/// Sizes of a separable convolution; its padding is dilation · (kernel − 1) / 2 on all sides.
struct SeparableShape {
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
  std::int64_t in_channels = 0;  ///< of the input and of the depthwise result
  std::int64_t out_channels = 0;
  std::int64_t kernel = 3;  ///< 3, 5 or 7
  std::int64_t stride = 1;  ///< 1 or 2
  std::int64_t dilation = 1;

  std::int64_t padding() const { return dilation * (kernel - 1) / 2; }
  std::int64_t out_pixels() const { return out_height * out_width; }
};

/// Rows of the output that are worked on at a time: enough pixels for the sums over them to stay in
/// registers, few enough for their values to stay in the first-level cache.
inline std::int64_t block_rows(std::int64_t height, std::int64_t width) {
  constexpr std::int64_t pixels = 64;
  return std::clamp<std::int64_t>(pixels / width, 1, height);
}

template <class T, class S = T>
struct SeparableForward {
  SeparableShape shape;
  PaddedImage<T> input;          ///< padding ≥ shape.padding()
  const T* depthwise = nullptr;  ///< kernel² × in_channels
  const T* pointwise = nullptr;  ///< packed: in_channels × out_channels
  S* output = nullptr;           ///< out_height × out_width × out_channels
  double* sums = nullptr;  ///< adds Σ z, then Σ z² of the output as stored: 2 × out_channels
  T* scratch = nullptr;    ///< separable_scratch() elements
  Ahead ahead;             ///< what the next call's input is filled from
};

/// output = pointwise(depthwise(input)).
template <class T, class S>
void separable_forward(const SeparableForward<T, S>& task);

/// The gradient that comes in is a·g + b·z + c per channel: the backward pass of a batch norm over
/// z, whose output has the gradient g. g, z: out_height × out_width × out_channels.
template <class T, class S = T>
struct NormalizedGradient {
  const T* g = nullptr;
  const S* z = nullptr;
  const T* a = nullptr;
  const T* b = nullptr;
  const T* c = nullptr;
};

template <class T, class S = T>
struct SeparableBackward {
  SeparableShape shape;
  PaddedImage<T> input;  ///< what the forward pass read
  NormalizedGradient<T, S> gradient;
  const T* depthwise = nullptr;    ///< kernel² × in_channels
  const T* pointwise_t = nullptr;  ///< packed: out_channels × in_channels
  /// Room for the gradient of the depthwise result, of the size of the input with padding ≥
  /// shape.padding(): all zeros at first, and for tasks of one stride only.
  PaddedImage<T> room;
  T* scratch = nullptr;  ///< separable_scratch() elements

  // Gradients of the weights are added to these; null: not wanted.
  T* grad_depthwise = nullptr;  ///< kernel² × in_channels
  T* grad_pointwise = nullptr;  ///< packed: in_channels × out_channels

  // The gradient of the input goes one of two ways; both null: not wanted.
  T* grad_sum = nullptr;  ///< added up here, the ReLU not applied: height×width×in_channels

  T* grad_masked = nullptr;        ///< stored here, 0 where the input is 0
  const S* before_relu = nullptr;  ///< with it: the tensor y that input is an affine image of …
  double* sums = nullptr;  ///< … to which Σ grad_masked and Σ grad_masked · y are added

  Ahead ahead_g;      ///< the gradient of the next call, …
  Ahead ahead_z;      ///< … its z, …
  Ahead ahead_input;  ///< … and what its input is filled from
};

template <class T, class S>
void separable_backward(const SeparableBackward<T, S>& task);

/// Elements of working memory that separable_forward() and separable_backward() need.
std::int64_t separable_scratch(const SeparableShape& shape);

}  // namespace darts::kernels
