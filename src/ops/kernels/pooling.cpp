// Compiled once for every instruction set that Highway knows.

#include "pooling.hpp"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "vectors-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// The pixels of the input that an output pixel sees.
struct Window {
  std::int64_t top, bottom, left, right;  // the last ones beyond

  std::int64_t count() const { return (bottom - top) * (right - left); }
};

HWY_INLINE Window window_of(const PoolShape& s, std::int64_t y, std::int64_t x) {
  return {std::max<std::int64_t>(y * s.stride - 1, 0), std::min(y * s.stride + 2, s.height),
          std::max<std::int64_t>(x * s.stride - 1, 0), std::min(x * s.stride + 2, s.width)};
}

template <class T>
HWY_INLINE Vec<T> pooled(const PoolShape& s, const Window& w, const T* x) {
  const Tag<T> d;
  const auto at = [&](std::int64_t i, std::int64_t j)
                      HWY_ATTR { return hn::LoadU(d, x + (i * s.width + j) * s.channels); };
  auto v = s.pool == Pool::max ? at(w.top, w.left) : hn::Zero(d);
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      // In this order a NaN does not hide the values before it.
      v = s.pool == Pool::max ? hn::Max(at(i, j), v) : hn::Add(v, at(i, j));
    }
  }
  return s.pool == Pool::max ? v : hn::Div(v, hn::Set(d, static_cast<T>(w.count())));
}

template <class T, class S>
void forward_image(const PoolShape& s, const T* x, S* y) {
  for (std::int64_t i = 0; i < s.out_height(); ++i) {
    for (std::int64_t j = 0; j < s.out_width(); ++j, y += s.channels) {
      const Window w = window_of(s, i, j);
      for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
        store_rounded(pooled(s, w, x + c), y + c);
      }
    }
  }
}

template <class T>
HWY_INLINE void spread_average(const PoolShape& s, const Window& w, Vec<T> g, T* grad_x) {
  const Tag<T> d;
  const auto share = hn::Div(g, hn::Set(d, static_cast<T>(w.count())));
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      T* const to = grad_x + (i * s.width + j) * s.channels;
      hn::StoreU(hn::Add(hn::LoadU(d, to), share), d, to);
    }
  }
}

template <class T>
HWY_INLINE void give_to_maximum(const PoolShape& s, const Window& w, Vec<T> g, Vec<T> y, const T* x,
                                T* grad_x) {
  const Tag<T> d;
  auto rest = g;  // 0 where it is given already
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      const std::int64_t place = (i * s.width + j) * s.channels;
      const auto here = hn::Eq(hn::LoadU(d, x + place), y);
      T* const to = grad_x + place;
      hn::StoreU(hn::Add(hn::LoadU(d, to), hn::IfThenElseZero(here, rest)), d, to);
      rest = hn::IfThenZeroElse(here, rest);
    }
  }
}

/// The maximum of a window that forward_image() stored at y; where it was rounded, once more.
template <class T, class S>
HWY_INLINE Vec<T> maximum(const PoolShape& s, const Window& w, const T* x, const S* y) {
  if constexpr (std::is_same_v<T, S>) {
    return hn::LoadU(Tag<T>(), y);
  } else {
    return pooled(s, w, x);
  }
}

template <class T, class S>
void backward_image(const PoolShape& s, const T* x, const S* y, const T* grad_y, T* grad_x) {
  const Tag<T> d;
  for (std::int64_t i = 0; i < s.out_height(); ++i) {
    for (std::int64_t j = 0; j < s.out_width(); ++j, y += s.channels, grad_y += s.channels) {
      const Window w = window_of(s, i, j);
      for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
        const auto g = hn::LoadU(d, grad_y + c);
        if (s.pool == Pool::max) {
          give_to_maximum<T>(s, w, g, maximum(s, w, x + c, y + c), x + c, grad_x + c);
        } else {
          spread_average<T>(s, w, g, grad_x + c);
        }
      }
    }
  }
}

void ForwardFloat(const PoolShape& s, const float* x, float* y) { forward_image(s, x, y); }
void ForwardDouble(const PoolShape& s, const double* x, double* y) { forward_image(s, x, y); }
void ForwardBFloat16(const PoolShape& s, const float* x, BFloat16* y) { forward_image(s, x, y); }
void BackwardFloat(const PoolShape& s, const float* x, const float* y, const float* grad_y,
                   float* grad_x) {
  backward_image(s, x, y, grad_y, grad_x);
}
void BackwardDouble(const PoolShape& s, const double* x, const double* y, const double* grad_y,
                    double* grad_x) {
  backward_image(s, x, y, grad_y, grad_x);
}
void BackwardBFloat16(const PoolShape& s, const float* x, const BFloat16* y, const float* grad_y,
                      float* grad_x) {
  backward_image(s, x, y, grad_y, grad_x);
}

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
void pool_forward(const PoolShape& shape, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(shape, x, y);
}
template <>
void pool_forward(const PoolShape& shape, const double* x, double* y) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(shape, x, y);
}
template <>
void pool_forward(const PoolShape& shape, const float* x, BFloat16* y) {
  HWY_DYNAMIC_DISPATCH(ForwardBFloat16)(shape, x, y);
}
template <>
void pool_backward(const PoolShape& shape, const float* x, const float* y, const float* grad_y,
                   float* grad_x) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(shape, x, y, grad_y, grad_x);
}
template <>
void pool_backward(const PoolShape& shape, const double* x, const double* y, const double* grad_y,
                   double* grad_x) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(shape, x, y, grad_y, grad_x);
}
template <>
void pool_backward(const PoolShape& shape, const float* x, const BFloat16* y, const float* grad_y,
                   float* grad_x) {
  HWY_DYNAMIC_DISPATCH(BackwardBFloat16)(shape, x, y, grad_y, grad_x);
}

}  // namespace darts::kernels
#endif
