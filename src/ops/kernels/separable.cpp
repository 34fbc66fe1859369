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

template <class T>
void fill_image(const T* from, const T* scale, const T* shift, const PaddedImage<T>& to) {
  const Tag<T> d;
  for (std::int64_t y = 0; y < to.height; ++y) {
    T* out = to.pixel(y, 0);
    const T* in = from + y * to.width * to.channels;
    if (scale == nullptr) {
      for (std::int64_t i = 0; i < to.width * to.channels; i += lanes<T>()) {
        hn::StoreU(positive_part(hn::LoadU(d, in + i)), d, out + i);
      }
      continue;
    }
    for (std::int64_t c = 0; c < to.channels; c += lanes<T>()) {
      const auto factor = hn::LoadU(d, scale + c);
      const auto offset = hn::LoadU(d, shift + c);
      for (std::int64_t i = c; i < to.width * to.channels; i += to.channels) {
        hn::StoreU(positive_part(hn::MulAdd(hn::LoadU(d, in + i), factor, offset)), d, out + i);
      }
    }
  }
}

template <class T>
void forward_image(const SeparableForward<T>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s);
  const std::int64_t row_in = s.out_width * s.in_channels;
  for (std::int64_t first = 0; first < s.out_height; first += rows) {
    const std::int64_t count = std::min(rows, s.out_height - first);
    for (std::int64_t r = 0; r < count; ++r) {
      depthwise_row(s, row_of_input(s, t.input, t.depthwise, first + r),
                    StoreRow<T>{t.scratch + r * row_in, s.in_channels});
    }
    pointwise_forward(t.scratch, count * s.out_width, s.in_channels, s.out_channels, t.pointwise,
                      t.output + first * s.out_width * s.out_channels, t.sums);
  }
}

/// grad of the input's row y (of all its pixels) from the padded gradient of the depthwise result.
template <class T, class Sink>
HWY_INLINE void transposed_row(const SeparableBackward<T>& t, const PaddedImage<T>& gradient,
                               std::int64_t y, const Sink& sink) {
  const SeparableShape& s = t.shape;
  SeparableShape transposed = s;
  transposed.stride = 1;
  DepthwiseRow<T> r;
  r.input = gradient.pixel(y - s.padding(), -s.padding());
  r.row_step = s.dilation * gradient.row_size();
  r.pixel_size = s.in_channels;
  r.weights = t.depthwise + (s.kernel * s.kernel - 1) * s.in_channels;  // the kernel turned around
  r.weight_step = -s.in_channels;
  r.pixels = gradient.width;
  depthwise_row(transposed, r, sink);
}

/// The same of stride 2, by way of memory.
template <class T>
HWY_INLINE void masked_transposed_row(const SeparableBackward<T>& t, const PaddedImage<T>& gradient,
                                      std::int64_t y, T* row, const MaskRow<T>& sink) {
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

/// The gradient of the input from that of the depthwise result, where it is wanted.
template <class T>
HWY_INLINE void input_gradient(const SeparableBackward<T>& t, const PaddedImage<T>& gradient) {
  const std::int64_t channels = t.shape.in_channels;
  for (std::int64_t y = 0; y < t.input.height; ++y) {
    const std::int64_t place = y * t.input.width * channels;
    if (t.grad_sum != nullptr && t.shape.stride == 2) {
      add_transposed_row(t.shape, gradient, t.depthwise, y, t.input.width, t.grad_sum + place);
    } else if (t.grad_sum != nullptr) {
      transposed_row(t, gradient, y, AddRow<T>{t.grad_sum + place, channels});
    } else if (t.grad_masked != nullptr) {
      const MaskRow<T> sink{t.grad_masked + place, t.input.pixel(y, 0), t.before_relu + place,
                            channels, t.sums};
      if (t.shape.stride == 2) {
        masked_transposed_row(t, gradient, y, t.grad_masked + place, sink);
      } else {
        transposed_row(t, gradient, y, sink);
      }
    }
  }
}

template <class T>
void backward_image(const SeparableBackward<T>& t) {
  const SeparableShape& s = t.shape;
  const std::int64_t rows = block_rows(s);
  const PaddedImage<T> gradient{t.room.data, s.out_height, s.out_width, s.in_channels,
                                t.room.padding};
  T* const depthwise_block = t.scratch;
  T* const gradient_block = t.scratch + rows * s.out_width * s.in_channels;
  for (std::int64_t first = 0; first < s.out_height; first += rows) {
    const std::int64_t count = std::min(rows, s.out_height - first);
    const std::int64_t pixels = count * s.out_width;
    normalized_gradient(t.gradient, first * s.out_width, pixels, s.out_channels, gradient_block);
    for (std::int64_t r = 0; r < count; ++r) {
      pointwise_backward(gradient_block + r * s.out_width * s.out_channels, s.out_width,
                         s.out_channels, s.in_channels, t.pointwise_t, gradient.pixel(first + r, 0),
                         s.in_channels);
    }
    if (t.grad_pointwise != nullptr) {
      for (std::int64_t r = 0; r < count; ++r) {
        depthwise_row(
            s, row_of_input(s, t.input, t.depthwise, first + r),
            StoreRow<T>{depthwise_block + r * s.out_width * s.in_channels, s.in_channels});
      }
      pointwise_weights(depthwise_block, gradient_block, pixels, s.in_channels, s.out_channels,
                        t.grad_pointwise);
    }
    if (t.grad_depthwise != nullptr) {
      DepthwiseWeights<T> w;
      w.input = t.input.pixel(first * s.stride - s.padding(), -s.padding());
      w.row_step = s.dilation * t.input.row_size();
      w.next_row = s.stride * t.input.row_size();
      w.gradient = gradient.pixel(first, 0);
      w.next_gradient_row = gradient.row_size();
      w.channels = s.in_channels;
      w.pixels = s.out_width;
      w.rows = count;
      w.sums = t.grad_depthwise;
      depthwise_weights(s, w);
    }
  }
  input_gradient(t, gradient);
}

void FillFloat(const float* from, const float* scale, const float* shift,
               const PaddedImage<float>& to) {
  fill_image(from, scale, shift, to);
}
void FillDouble(const double* from, const double* scale, const double* shift,
                const PaddedImage<double>& to) {
  fill_image(from, scale, shift, to);
}
void ForwardFloat(const SeparableForward<float>& task) { forward_image(task); }
void ForwardDouble(const SeparableForward<double>& task) { forward_image(task); }
void BackwardFloat(const SeparableBackward<float>& task) { backward_image(task); }
void BackwardDouble(const SeparableBackward<double>& task) { backward_image(task); }
std::int64_t LanesFloat() { return lanes<float>(); }
std::int64_t LanesDouble() { return lanes<double>(); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(FillFloat);
HWY_EXPORT(FillDouble);
HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
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
void separable_forward(const SeparableForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void separable_forward(const SeparableForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}

template <>
void separable_backward(const SeparableBackward<float>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(task);
}
template <>
void separable_backward(const SeparableBackward<double>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(task);
}

std::int64_t separable_scratch(const SeparableShape& s) {
  const std::int64_t rows = std::clamp<std::int64_t>(64 / s.out_width, 1, s.out_height);
  return rows * s.out_width * (s.in_channels + s.out_channels);
}

}  // namespace darts::kernels
#endif
