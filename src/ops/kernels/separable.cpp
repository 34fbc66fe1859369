// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// A vector holds neighbouring channels of one pixel. The depthwise result of a row of pixels stays
// in the first-level cache, where the pointwise product reads it; the sums for the batch norm are
// taken from registers before the output is stored. The backward pass goes the same way in blocks
// of rows: the batch norm's gradient, the transposed product into a padded image, and from there
// the transposed depthwise convolution.

#include "separable.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/separable.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "gradient-inl.hpp"
#include "panels-inl.hpp"
#include "separable-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

template <class T, class S>
void fill_image(const S* from, const T* scale, const T* shift, const PaddedImage<T>& to) {
  const Tag<T> d;
  for (std::int64_t y = 0; y < to.height; ++y) {
    T* out = to.pixel(y, 0);
    const S* in = from + y * to.width * to.channels;
    if (scale == nullptr) {
      for (std::int64_t i = 0; i < to.width * to.channels; i += lanes<T>()) {
        hn::StoreU(positive_part(load_stored(in + i)), d, out + i);
      }
      continue;
    }
    for (std::int64_t c = 0; c < to.channels; c += lanes<T>()) {
      const auto factor = hn::LoadU(d, scale + c);
      const auto offset = hn::LoadU(d, shift + c);
      for (std::int64_t i = c; i < to.width * to.channels; i += to.channels) {
        hn::StoreU(positive_part(hn::MulAdd(load_stored(in + i), factor, offset)), d, out + i);
      }
    }
  }
}

template <class T, class S>
void forward_image(const SeparableForward<T, S>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s.out_height, s.out_width);
  const T* const no_bias = nullptr;
  Fetchers ahead(t.ahead);
  for (std::int64_t first = 0; first < s.out_height; first += rows) {
    const std::int64_t count = std::min(rows, s.out_height - first);
    depthwise_rows(s, t.input, t.depthwise, first, count, t.scratch);
    product(Rows<T>{t.scratch, s.in_channels, count * s.out_width, s.in_channels}, s.out_channels,
            t.pointwise, no_bias,
            MomentOutput<S>{t.output + first * s.out_width * s.out_channels, s.out_channels,
                            s.out_channels, t.sums, t.sums + s.out_channels},
            ahead);
  }
}

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

void FillFloat(const float* from, const float* scale, const float* shift,
               const PaddedImage<float>& to) {
  fill_image(from, scale, shift, to);
}
void FillDouble(const double* from, const double* scale, const double* shift,
                const PaddedImage<double>& to) {
  fill_image(from, scale, shift, to);
}
void FillBFloat16(const BFloat16* from, const float* scale, const float* shift,
                  const PaddedImage<float>& to) {
  fill_image(from, scale, shift, to);
}
void ForwardFloat(const SeparableForward<float>& task) { forward_image(task); }
void ForwardDouble(const SeparableForward<double>& task) { forward_image(task); }
void ForwardBFloat16(const SeparableForward<float, BFloat16>& task) { forward_image(task); }
void BackwardFloat(const SeparableBackward<float>& task) { backward_image(task); }
void BackwardDouble(const SeparableBackward<double>& task) { backward_image(task); }
void BackwardBFloat16(const SeparableBackward<float, BFloat16>& task) { backward_image(task); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(FillFloat);
HWY_EXPORT(FillDouble);
HWY_EXPORT(FillBFloat16);
HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(ForwardBFloat16);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
HWY_EXPORT(BackwardBFloat16);

template <>
void fill_relu(const float* from, const float* scale, const float* shift,
               const PaddedImage<float>& to) {
  HWY_DYNAMIC_DISPATCH(FillFloat)(from, scale, shift, to);
}
template <>
void fill_relu(const double* from, const double* scale, const double* shift,
               const PaddedImage<double>& to) {
  HWY_DYNAMIC_DISPATCH(FillDouble)(from, scale, shift, to);
}
template <>
void fill_relu(const BFloat16* from, const float* scale, const float* shift,
               const PaddedImage<float>& to) {
  HWY_DYNAMIC_DISPATCH(FillBFloat16)(from, scale, shift, to);
}

template <>
void separable_forward(const SeparableForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void separable_forward(const SeparableForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}
template <>
void separable_forward(const SeparableForward<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardBFloat16)(task);
}

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

std::int64_t separable_scratch(const SeparableShape& s) {
  return block_rows(s.out_height, s.out_width) * s.out_width * (s.in_channels + s.out_channels);
}

}  // namespace darts::kernels
#endif
