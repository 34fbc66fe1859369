#pragma once

#include "ahead.hpp"
#include "packing.hpp"

#include <cstdint>

// ReLU → depthwise k×k (or none) → pointwise 1×1 on one image at a time, forward and backward, on
// channels-last pixels with any number of channels. A dense convolution is a pointwise one that
// reads a window of pixels. Plain pointers: no LibTorch here, so that the
// kernels can be compiled for every instruction set.
//
// It differs from separable.hpp in that tensors have no padding channels: only the working memory
// of one image is padded.

namespace darts::kernels {

/// Pixels in memory, row after row: `step` elements apart, of which the first ones are used.
template <class T>
struct Pixels {
  T* data = nullptr;
  std::int64_t step = 0;
};

struct UnitShape {
  std::int64_t height = 0;  ///< of the input
  std::int64_t width = 0;
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 1;  ///< 3, 5, 7, or 1: no depthwise convolution
  std::int64_t stride = 1;  ///< 1 or 2
  std::int64_t dilation = 1;
  /// With kernel 1: output pixel (y, x) sees input pixel (stride·y + offset, stride·x + offset),
  /// zeros beyond the image.
  std::int64_t offset = 0;
  /// With kernel 1, stride 1 or 2 and no offset: the side (odd) of the window around a pixel whose
  /// channels, row by row and pixel by pixel, are what the pointwise product reads; zeros beyond
  /// the image.
  std::int64_t window = 1;
  bool relu = true;  ///< what is read goes through a ReLU; always with a depthwise convolution

  std::int64_t out_height() const { return (height - 1) / stride + 1; }
  std::int64_t out_width() const { return (width - 1) / stride + 1; }
  std::int64_t out_pixels() const { return out_height() * out_width(); }
  std::int64_t padding() const { return dilation * (kernel - 1) / 2; }
  /// Values that the pointwise product reads for a pixel.
  std::int64_t depth() const { return window * window * in_channels; }
};

/// Elements of working memory that unit_forward() and unit_backward() need. It must hold no NaN.
template <class T>
std::int64_t unit_workspace(const UnitShape& shape);

/// What a unit reads: relu(scale · x + shift), or relu(x) where `scale` is null (always with kernel
/// 1), or x without a ReLU. The vectors are padded with zeros to whole vectors
/// (channel_multiple()).
template <class T>
struct UnitInput {
  Pixels<const T> x;
  const T* scale = nullptr;
  const T* shift = nullptr;
};

template <class T>
struct UnitForward {
  UnitShape shape;
  UnitInput<T> input;
  const T* depthwise = nullptr;  ///< kernel² × in_channels padded to whole vectors
  const T* pointwise = nullptr;  ///< packed: depth × out_channels
  const T* bias = nullptr;       ///< added to z; padded as packed columns are; null: 0
  Pixels<const T> addend;        ///< added to z, and may be z; no data: 0 (always with sums)
  Pixels<T> z;
  double* sums = nullptr;     ///< adds Σ z, a value a channel; null: not wanted
  double* squares = nullptr;  ///< with it: Σ z²
  T* workspace = nullptr;
  Ahead ahead;  ///< the x of the next call
};

/// z = addend + bias + pointwise(depthwise(relu(x))).
template <class T>
void unit_forward(const UnitForward<T>& task);

template <class T>
struct UnitBackward {
  UnitShape shape;
  UnitInput<T> input;  ///< what the forward pass read
  /// The gradient of z is a·g + b·z + c, a value a channel (padded with zeros to whole vectors):
  /// the backward pass of a batch norm over z.
  Pixels<const T> g;
  Pixels<const T> z;
  const T* a = nullptr;
  const T* b = nullptr;
  const T* c = nullptr;
  const T* depthwise = nullptr;
  const T* pointwise_t = nullptr;  ///< packed: out_channels × depth
  T* grad_depthwise = nullptr;     ///< added to, as `depthwise`; null: not wanted
  T* grad_pointwise = nullptr;     ///< added to, packed as UnitForward's; null: not wanted
  /// Gradient of what is below the ReLU; null: not wanted. With stride and kernel 1 only the pixels
  /// that are seen are written; with a window it is added to.
  Pixels<T> grad_x;
  double* sums = nullptr;      ///< adds Σ grad_x; null: not wanted (always with kernel 1)
  double* products = nullptr;  ///< with it: Σ grad_x · x
  T* workspace = nullptr;
  Ahead ahead_x;  ///< the x of the next call, …
  Ahead ahead_g;  ///< … its g …
  Ahead ahead_z;  ///< … and its z
};

template <class T>
void unit_backward(const UnitBackward<T>& task);
/// Its part without a depthwise convolution.
template <class T>
void pointwise_unit_backward(const UnitBackward<T>& task);

}  // namespace darts::kernels
