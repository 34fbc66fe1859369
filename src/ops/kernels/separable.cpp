// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// A vector holds neighbouring channels of one pixel. The depthwise result of a row of pixels stays
// in the first-level cache, where the pointwise product reads it; the sums for the batch norm are
// taken from registers before the output is stored. The backward pass goes the same way in blocks
// of rows: the batch norm's gradient, the transposed product into a padded image, and from there
// the transposed depthwise convolution.

#include "separable.hpp"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/separable.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "depthwise-inl.hpp"
#include "gradient-inl.hpp"
#include "pointwise-inl.hpp"
#include "vectors-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// Rows that are worked on at a time: enough pixels for the sums over them to stay in registers.
HWY_INLINE std::int64_t block_rows(const SeparableShape& s) {
  constexpr std::int64_t pixels = 64;
  return std::clamp<std::int64_t>(pixels / s.out_width, 1, s.out_height);
}

template <class T>
HWY_INLINE DepthwiseRow<T> row_of_input(const SeparableShape& s, const PaddedImage<T>& input,
                                        const T* weights, std::int64_t row) {
  DepthwiseRow<T> r;
  r.input = input.pixel(row * s.stride - s.padding(), -s.padding());
  r.row_step = s.dilation * input.row_size();
  r.pixel_size = s.in_channels;
  r.weights = weights;
  r.weight_step = s.in_channels;
  r.pixels = s.out_width;
  return r;
}

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

// What does not depend on S is not inlined, so that it is compiled once for all S.

/// The depthwise results of `count` rows from `first` on.
template <class T>
HWY_NOINLINE void depthwise_rows(const SeparableShape& s, const PaddedImage<T>& input,
                                 const T* weights, std::int64_t first, std::int64_t count, T* to) {
  for (std::int64_t r = 0; r < count; ++r) {
    depthwise_row(s, row_of_input(s, input, weights, first + r),
                  StoreRow<T>{to + r * s.out_width * s.in_channels, s.in_channels});
  }
}

template <class T, class S>
void forward_image(const SeparableForward<T, S>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s);
  Fetchers ahead(t.ahead);
  for (std::int64_t first = 0; first < s.out_height; first += rows) {
    const std::int64_t count = std::min(rows, s.out_height - first);
    depthwise_rows(s, t.input, t.depthwise, first, count, t.scratch);
    pointwise_forward(t.scratch, count * s.out_width, s.in_channels, s.out_channels, t.pointwise,
                      t.output + first * s.out_width * s.out_channels, t.sums, ahead);
  }
}

/// The transposed pointwise product of `count` rows, into those from `first` on of `to`.
template <class T>
HWY_NOINLINE void transposed_pointwise(const SeparableShape& s, const T* gradient,
                                       const T* pointwise_t, std::int64_t first, std::int64_t count,
                                       const PaddedImage<T>& to, Fetchers<2>& ahead) {
  for (std::int64_t r = 0; r < count; ++r) {
    pointwise_backward(gradient + r * s.out_width * s.out_channels, s.out_width, s.out_channels,
                       s.in_channels, pointwise_t, to.pixel(first + r, 0), s.in_channels, ahead);
  }
}

/// Adds what `count` rows from `first` on give to the gradient of the pointwise weights.
template <class T>
HWY_NOINLINE void add_pointwise_weights(const SeparableShape& s, const T* depthwise,
                                        const T* gradient, std::int64_t count, T* sums) {
  pointwise_weights(depthwise, gradient, count * s.out_width, s.in_channels, s.out_channels, sums);
}

/// The same of the depthwise weights; `gradient`: of the depthwise result.
template <class T>
HWY_NOINLINE void add_depthwise_weights(const SeparableShape& s, const PaddedImage<T>& input,
                                        const PaddedImage<T>& gradient, std::int64_t first,
                                        std::int64_t count, T* sums) {
  DepthwiseWeights<T> w;
  w.input = input.pixel(first * s.stride - s.padding(), -s.padding());
  w.row_step = s.dilation * input.row_size();
  w.next_row = s.stride * input.row_size();
  w.gradient = gradient.pixel(first, 0);
  w.next_gradient_row = gradient.row_size();
  w.channels = s.in_channels;
  w.pixels = s.out_width;
  w.rows = count;
  w.sums = sums;
  depthwise_weights(s, w);
}

/// grad of the input's row y (of all its pixels) from the padded gradient of the depthwise result.
template <class T, class Sink>
HWY_INLINE void transposed_row(const SeparableShape& s, const PaddedImage<T>& gradient,
                               const T* depthwise, std::int64_t y, const Sink& sink) {
  SeparableShape transposed = s;
  transposed.stride = 1;
  DepthwiseRow<T> r;
  r.input = gradient.pixel(y - s.padding(), -s.padding());
  r.row_step = s.dilation * gradient.row_size();
  r.pixel_size = s.in_channels;
  r.weights = depthwise + (s.kernel * s.kernel - 1) * s.in_channels;  // the kernel turned around
  r.weight_step = -s.in_channels;
  r.pixels = gradient.width;
  depthwise_row(transposed, r, sink);
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
      transposed_row(s, gradient, depthwise, y, AddRow<T>{sum, s.in_channels, &ahead});
    }
  }
}

/// The masked gradient of row y of the input of stride 2, by way of memory.
template <class T, class S>
HWY_INLINE void masked_transposed_row(const SeparableBackward<T, S>& t,
                                      const PaddedImage<T>& gradient, std::int64_t y, T* row,
                                      const MaskRow<T, S>& sink) {
  const std::int64_t channels = t.shape.in_channels;
  std::fill_n(row, t.input.width * channels, T(0));
  add_transposed_row(t.shape, gradient, t.depthwise, y, t.input.width, row);
  for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
    auto sums = sink.begin();
    for (std::int64_t pixel = 0; pixel < t.input.width; ++pixel) {
      sink(hn::LoadU(Tag<T>(), row + pixel * channels + c), pixel, c, sums);
    }
    sink.end(sums, c);
  }
}

template <class T, class S>
HWY_INLINE void masked_input_gradient(const SeparableBackward<T, S>& t,
                                      const PaddedImage<T>& gradient, Fetchers<1>& ahead) {
  const std::int64_t channels = t.shape.in_channels;
  for (std::int64_t y = 0; y < t.input.height; ++y) {
    const std::int64_t place = y * t.input.width * channels;
    const MaskRow<T, S> sink{t.grad_masked + place,
                             t.input.pixel(y, 0),
                             t.before_relu + place,
                             channels,
                             t.sums,
                             &ahead};
    if (t.shape.stride == 2) {
      masked_transposed_row(t, gradient, y, t.grad_masked + place, sink);
    } else {
      transposed_row(t.shape, gradient, t.depthwise, y, sink);
    }
  }
}

template <class T, class S>
void backward_image(const SeparableBackward<T, S>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s);
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
std::int64_t LanesFloat() { return lanes<float>(); }
std::int64_t LanesDouble() { return lanes<double>(); }

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
HWY_EXPORT(LanesFloat);
HWY_EXPORT(LanesDouble);

template <>
std::int64_t channel_multiple<float>() {
  return HWY_DYNAMIC_DISPATCH(LanesFloat)();
}
template <>
std::int64_t channel_multiple<double>() {
  return HWY_DYNAMIC_DISPATCH(LanesDouble)();
}

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
  const std::int64_t rows = std::clamp<std::int64_t>(64 / s.out_width, 1, s.out_height);
  return rows * s.out_width * (s.in_channels + s.out_channels);
}

}  // namespace darts::kernels
#endif
