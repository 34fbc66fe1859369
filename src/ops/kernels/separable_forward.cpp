// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// A vector holds neighbouring channels of one pixel. The depthwise result of a row of pixels stays
// in the first-level cache, where the pointwise product reads it; the sums for the batch norm are
// taken from registers before the output is stored.

#include "separable.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/separable_forward.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
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

std::int64_t separable_scratch(const SeparableShape& s) {
  return block_rows(s.out_height, s.out_width) * s.out_width * (s.in_channels + s.out_channels);
}

}  // namespace darts::kernels
#endif
