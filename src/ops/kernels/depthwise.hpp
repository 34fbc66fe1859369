#pragma once

#include <cstdint>
#include <vector>

// Depthwise convolution with the ReLU before it, on one image in channels-last order. Plain
// pointers: no LibTorch here, so that the kernels can be compiled for every instruction set.

namespace darts::kernels {

/// Sizes of one image's convolution. Padding is dilation · (kernel − 1) / 2 on all sides.
struct DepthwiseShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t kernel = 3;  ///< odd
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  bool relu = true;

  std::int64_t padding() const { return dilation * (kernel - 1) / 2; }
  std::int64_t out_height() const { return (height - 1) / stride + 1; }
  std::int64_t out_width() const { return (width - 1) / stride + 1; }
};

/// A thread's working memory, kept from image to image.
template <class T>
struct DepthwiseScratch {
  std::vector<T> input;     ///< rows of the image, ReLU applied, zeros around
  std::vector<T> gradient;  ///< the same of the output's gradient
};

/// y = depthwise(relu(x)). x: H×W×C; weights: kernel²×C; y: H'×W'×C.
void depthwise_forward(const DepthwiseShape& shape, const float* x, const float* weights, float* y,
                       DepthwiseScratch<float>& scratch);
void depthwise_forward(const DepthwiseShape& shape, const double* x, const double* weights,
                       double* y, DepthwiseScratch<double>& scratch);

/// What the backward pass of an image reads and writes.
template <class T>
struct DepthwiseBackward {
  const T* x = nullptr;        ///< H×W×C
  const T* weights = nullptr;  ///< kernel²×C
  const T* grad_y = nullptr;   ///< H'×W'×C
  T* grad_x = nullptr;         ///< H×W×C; null: not wanted
  T* grad_weights = nullptr;   ///< kernel²×C, of this image alone; null: not wanted
};
void depthwise_backward(const DepthwiseShape& shape, const DepthwiseBackward<float>& tensors,
                        DepthwiseScratch<float>& scratch);
void depthwise_backward(const DepthwiseShape& shape, const DepthwiseBackward<double>& tensors,
                        DepthwiseScratch<double>& scratch);

}  // namespace darts::kernels
