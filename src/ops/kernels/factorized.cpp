// Compiled once for every instruction set that Highway knows.

#include "factorized.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/factorized.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "gradient-inl.hpp"
#include "panels-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// The two pixels that output pixel (y, x) sees.
template <class T>
HWY_INLINE void gather(const PaddedImage<T>& input, std::int64_t y, std::int64_t x, T* to) {
  std::copy_n(input.pixel(2 * y, 2 * x), input.channels, to);
  std::copy_n(input.pixel(2 * y + 1, 2 * x + 1), input.channels, to + input.channels);
}

template <class T, class S>
void forward_image(const FactorizedForward<T, S>& t) {
  const FactorizedShape& s = t.shape;
  const std::int64_t depth = 2 * s.in_channels;
  const T* const no_bias = nullptr;
  Fetchers<0> nothing_ahead;
  for (std::int64_t y = 0; y < s.out_height; ++y) {
    for (std::int64_t x = 0; x < s.out_width; ++x) {
      gather(t.input, y, x, t.scratch + x * depth);
    }
    product(Rows<T>{t.scratch, depth, s.out_width, depth}, s.out_channels, t.weights, no_bias,
            MomentOutput<S>{t.output + y * s.out_width * s.out_channels, s.out_channels,
                            s.out_channels, t.sums, t.sums + s.out_channels},
            nothing_ahead);
  }
}

template <class T>
HWY_INLINE void add_pixel(const T* from, std::int64_t channels, T* to) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
    hn::StoreU(hn::Add(hn::LoadU(d, to + c), hn::LoadU(d, from + c)), d, to + c);
  }
}

/// Adds the gradients of a row's gathered pixels where they came from, if that is in the image.
template <class T, class S>
HWY_INLINE void scatter(const FactorizedBackward<T, S>& t, std::int64_t y, const T* from) {
  const std::int64_t channels = t.shape.in_channels;
  for (std::int64_t x = 0; x < t.shape.out_width; ++x, from += 2 * channels) {
    T* const first = t.grad_sum + (2 * y * t.input.width + 2 * x) * channels;
    add_pixel(from, channels, first);
    if (2 * y + 1 < t.input.height && 2 * x + 1 < t.input.width) {
      add_pixel(from + channels, channels, first + (t.input.width + 1) * channels);
    }
  }
}

template <class T, class S>
void backward_image(const FactorizedBackward<T, S>& t) {
  const FactorizedShape& s = t.shape;
  const std::int64_t depth = 2 * s.in_channels;
  const T* const no_bias = nullptr;
  Fetchers<0> nothing_ahead;
  T* const pixels = t.scratch;
  T* const gradient = t.scratch + s.out_width * depth;
  for (std::int64_t y = 0; y < s.out_height; ++y) {
    normalized_gradient(t.gradient, y * s.out_width, s.out_width, s.out_channels, gradient);
    if (t.grad_weights != nullptr) {
      for (std::int64_t x = 0; x < s.out_width; ++x) {
        gather(t.input, y, x, pixels + x * depth);
      }
      outer_product(Rows<T>{pixels, depth, s.out_width, depth}, gradient, s.out_channels,
                    s.out_channels, t.grad_weights);
    }
    if (t.grad_sum != nullptr) {
      product(Rows<T>{gradient, s.out_channels, s.out_width, s.out_channels}, depth, t.weights_t,
              no_bias, PaddedOutput<T>{pixels, depth}, nothing_ahead);
      scatter(t, y, pixels);
    }
  }
}

void ForwardFloat(const FactorizedForward<float>& task) { forward_image(task); }
void ForwardDouble(const FactorizedForward<double>& task) { forward_image(task); }
void ForwardBFloat16(const FactorizedForward<float, BFloat16>& task) { forward_image(task); }
void BackwardFloat(const FactorizedBackward<float>& task) { backward_image(task); }
void BackwardDouble(const FactorizedBackward<double>& task) { backward_image(task); }
void BackwardBFloat16(const FactorizedBackward<float, BFloat16>& task) { backward_image(task); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(ForwardBFloat16);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
HWY_EXPORT(BackwardBFloat16);

template <>
void factorized_forward(const FactorizedForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void factorized_forward(const FactorizedForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}
template <>
void factorized_forward(const FactorizedForward<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardBFloat16)(task);
}

template <>
void factorized_backward(const FactorizedBackward<float>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(task);
}
template <>
void factorized_backward(const FactorizedBackward<double>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(task);
}
template <>
void factorized_backward(const FactorizedBackward<float, BFloat16>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardBFloat16)(task);
}

std::int64_t factorized_scratch(const FactorizedShape& shape) {
  return shape.out_width * (2 * shape.in_channels + shape.out_channels);
}

}  // namespace darts::kernels
#endif
