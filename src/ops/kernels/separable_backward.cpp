// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// Goes the way of the forward pass (separable_forward.cpp) in blocks of rows: the batch norm's
// gradient, the transposed product into a padded image, and from there the transposed depthwise
// convolution.

#include "separable.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/separable_backward.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "gradient-inl.hpp"
#include "panels-inl.hpp"
#include "separable-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// The transposed pointwise product of `count` rows, into those from `first` on of `to`.
template <class T>
HWY_NOINLINE void transposed_pointwise(const SeparableShape& s, const T* gradient,
                                       const T* pointwise_t, std::int64_t first, std::int64_t count,
                                       const PaddedImage<T>& to, Fetchers<2>& ahead) {
  const T* const no_bias = nullptr;
  for (std::int64_t r = 0; r < count; ++r) {
    product(Rows<T>{gradient + r * s.out_width * s.out_channels, s.out_channels, s.out_width,
                    s.out_channels},
            s.in_channels, pointwise_t, no_bias,
            PaddedOutput<T>{to.pixel(first + r, 0), s.in_channels}, ahead);
  }
}

/// Adds what `count` rows from `first` on give to the gradient of the pointwise weights.
template <class T>
HWY_NOINLINE void add_pointwise_weights(const SeparableShape& s, const T* depthwise,
                                        const T* gradient, std::int64_t count, T* sums) {
  outer_product(Rows<T>{depthwise, s.in_channels, count * s.out_width, s.in_channels}, gradient,
                s.out_channels, s.out_channels, sums);
}

/// Adds the gradient of the input, height×width×channels, to `sum`.
template <class T>
HWY_NOINLINE void add_input_gradient(const SeparableShape& s, const PaddedImage<T>& gradient,
                                     const T* depthwise, std::int64_t height, std::int64_t width,
                                     T* sum, Fetchers<1>& ahead) {
  for (std::int64_t y = 0; y < height; ++y, sum += width * s.in_channels) {
    if (s.stride == 2) {
      add_transposed_row(s, gradient, depthwise, y, width, sum);
    } else {
      T* const no_memory = nullptr;
      transposed_row(s, gradient, depthwise, y, width, no_memory,
                     AddRow<T>{sum, s.in_channels, &ahead});
    }
  }
}

template <class T, class S>
HWY_INLINE void masked_input_gradient(const SeparableBackward<T, S>& t,
                                      const PaddedImage<T>& gradient, Fetchers<1>& ahead) {
  const std::int64_t channels = t.shape.in_channels;
  for (std::int64_t y = 0; y < t.input.height; ++y) {
    const std::int64_t place = y * t.input.width * channels;
    T* const row = t.grad_masked + place;
    transposed_row(
        t.shape, gradient, t.depthwise, y, t.input.width, row,
        MaskRow<T, S>{row, t.input.pixel(y, 0), t.before_relu + place, channels, t.sums, &ahead});
  }
}

template <class T, class S>
void backward_image(const SeparableBackward<T, S>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s.out_height, s.out_width);
  const PaddedImage<T> gradient{t.room.data, s.out_height, s.out_width, s.in_channels,
                                t.room.padding};
  T* const depthwise_block = t.scratch;
  T* const gradient_block = t.scratch + rows * s.out_width * s.in_channels;
  Fetchers ahead_gradient(t.ahead_g, t.ahead_z);
  for (std::int64_t first = 0; first < s.out_height; first += rows) {
    const std::int64_t count = std::min(rows, s.out_height - first);
    normalized_gradient(t.gradient, first * s.out_width, count * s.out_width, s.out_channels,
                        gradient_block);
    transposed_pointwise(s, gradient_block, t.pointwise_t, first, count, gradient, ahead_gradient);
    if (t.grad_pointwise != nullptr) {
      depthwise_rows(s, t.input, t.depthwise, first, count, depthwise_block);
      add_pointwise_weights(s, depthwise_block, gradient_block, count, t.grad_pointwise);
    }
    if (t.grad_depthwise != nullptr) {
      add_depthwise_weights(s, t.input, gradient, first, count, t.grad_depthwise);
    }
  }
  Fetchers ahead_input(t.ahead_input);
  if (t.grad_sum != nullptr) {
    add_input_gradient(s, gradient, t.depthwise, t.input.height, t.input.width, t.grad_sum,
                       ahead_input);
  } else if (t.grad_masked != nullptr) {
    masked_input_gradient(t, gradient, ahead_input);
  }
}

void BackwardFloat(const SeparableBackward<float>& task) { backward_image(task); }
void BackwardDouble(const SeparableBackward<double>& task) { backward_image(task); }
void BackwardBFloat16(const SeparableBackward<float, BFloat16>& task) { backward_image(task); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
HWY_EXPORT(BackwardBFloat16);

template <>
void separable_backward(const SeparableBackward<float>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(task);
}
template <>
void separable_backward(const SeparableBackward<double>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(task);
}
template <>
void separable_backward(const SeparableBackward<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardBFloat16)(task);
}

}  // namespace darts::kernels
#endif
