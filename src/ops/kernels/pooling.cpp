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

/// Nearly all windows have three columns and three rows, or two at the top and the bottom: for
/// them the loops are unrolled.
constexpr std::int64_t whole = 3;

/// The output pixels of a row whose windows are three wide: from 1 up to, and without, this one.
HWY_INLINE std::int64_t whole_end(const PoolShape& s) {
  return std::max<std::int64_t>((s.width - 2 + s.stride) / s.stride, 1);
}

template <Pool kPool, class T>
HWY_INLINE Vec<T> joined(Vec<T> sum, Vec<T> v) {
  // In this order a NaN does not hide the values before it.
  return kPool == Pool::max ? hn::Max(v, sum) : hn::Add(sum, v);
}

template <Pool kPool, class T>
HWY_INLINE Vec<T> pooled(const PoolShape& s, const Window& w, const T* x) {
  const Tag<T> d;
  const auto at = [&](std::int64_t i, std::int64_t j)
                      HWY_ATTR { return hn::LoadU(d, x + (i * s.width + j) * s.channels); };
  auto v = kPool == Pool::max ? at(w.top, w.left) : hn::Zero(d);
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      v = joined<kPool, T>(v, at(i, j));
    }
  }
  return kPool == Pool::max ? v : hn::Mul(v, hn::Set(d, T(1) / static_cast<T>(w.count())));
}

/// The same of kRows×3 pixels, of which x is the first.
template <Pool kPool, int kRows, class T>
HWY_INLINE Vec<T> pooled_whole(const T* x, std::int64_t row_size, std::int64_t pixel_size) {
  const Tag<T> d;
  auto v = hn::LoadU(d, x);
#pragma GCC unroll 9
  for (int place = 1; place < kRows * whole; ++place) {
    v = joined<kPool, T>(v,
                         hn::LoadU(d, x + place / whole * row_size + place % whole * pixel_size));
  }
  return kPool == Pool::max ? v : hn::Mul(v, hn::Set(d, T(1) / T(kRows * whole)));
}

template <Pool kPool, int kRows, class T, class S>
HWY_INLINE void forward_whole(const PoolShape& s, const Window& row, const T* x, S* y) {
  const std::int64_t row_size = s.width * s.channels;
  const T* in = x + row.top * row_size + (s.stride - 1) * s.channels;
  for (std::int64_t j = 1; j < whole_end(s); ++j, in += s.stride * s.channels) {
    for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
      store_rounded(pooled_whole<kPool, kRows>(in + c, row_size, s.channels),
                    y + j * s.channels + c);
    }
  }
}

template <Pool kPool, class T, class S>
void forward_image(const PoolShape& s, const T* x, S* y) {
  for (std::int64_t i = 0; i < s.out_height(); ++i, y += s.out_width() * s.channels) {
    const Window row = window_of(s, i, 0);
    const std::int64_t rows = row.bottom - row.top;
    if (rows == whole) {
      forward_whole<kPool, 3>(s, row, x, y);
    } else if (rows == 2) {
      forward_whole<kPool, 2>(s, row, x, y);
    }
    for (std::int64_t j = 0; j < s.out_width(); j = j == 0 && rows > 1 ? whole_end(s) : j + 1) {
      const Window w = window_of(s, i, j);
      for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
        store_rounded(pooled<kPool>(s, w, x + c), y + j * s.channels + c);
      }
    }
  }
}

template <class T>
HWY_INLINE void spread_average(const PoolShape& s, const Window& w, Vec<T> g, T* grad_x) {
  const Tag<T> d;
  const auto share = hn::Mul(g, hn::Set(d, T(1) / static_cast<T>(w.count())));
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      T* const to = grad_x + (i * s.width + j) * s.channels;
      hn::StoreU(hn::Add(hn::LoadU(d, to), share), d, to);
    }
  }
}

/// Of a row of the output at stride 1: a pixel gets the shares of the windows to its left, above
/// or below it, and to its right, which are added up before they are stored.
template <class T>
HWY_INLINE void spread_row(const PoolShape& s, const Window& row, const T* grad_y, T* grad_x) {
  const Tag<T> d;
  const std::int64_t rows = row.bottom - row.top;
  const auto factor = [&](std::int64_t columns)
                          HWY_ATTR { return hn::Set(d, T(1) / static_cast<T>(rows * columns)); };
  const auto inside = factor(whole);
  const auto beside_border = factor(std::min<std::int64_t>(s.width, 2));
  const auto share = [&](std::int64_t j, std::int64_t c) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, grad_y + j * s.channels + c),
                   j == 0 || j == s.width - 1 ? beside_border : inside);
  };
  for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
    auto before = hn::Zero(d);
    auto here = share(0, c);
    for (std::int64_t j = 0; j < s.width; ++j) {
      const auto next = j + 1 < s.width ? share(j + 1, c) : hn::Zero(d);
      const auto sum = hn::Add(hn::Add(before, here), next);
      for (std::int64_t i = row.top; i < row.bottom; ++i) {
        T* const to = grad_x + (i * s.width + j) * s.channels + c;
        hn::StoreU(hn::Add(hn::LoadU(d, to), sum), d, to);
      }
      before = here;
      here = next;
    }
  }
}

template <class T>
void average_backward_image(const PoolShape& s, const T* grad_y, T* grad_x) {
  const Tag<T> d;
  for (std::int64_t i = 0; i < s.out_height(); ++i, grad_y += s.out_width() * s.channels) {
    if (s.stride == 1) {
      spread_row(s, window_of(s, i, 0), grad_y, grad_x);
      continue;
    }
    for (std::int64_t j = 0; j < s.out_width(); ++j) {
      const Window w = window_of(s, i, j);
      for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
        spread_average<T>(s, w, hn::LoadU(d, grad_y + j * s.channels + c), grad_x + c);
      }
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
    return pooled<Pool::max>(s, w, x);
  }
}

/// Windows of kRows × 3 pixels one after the other, kStride apart. They share pixels, whose values
/// and gradients stay in registers from one to the next.
template <int kRows, int kStride, class T>
struct SlidingWindow {
  static constexpr int shared = 3 - kStride;

  std::int64_t row_size;
  std::int64_t pixel_size;
  Vec<T> in[kRows][3];
  Vec<T> sum[kRows][3];

  /// kColumns columns from kFirst on; `first`: where the window begins.
  template <int kFirst, int kColumns>
  HWY_INLINE void load(const T* x, const T* grad_x, std::int64_t first) {
    const Tag<T> d;
#pragma GCC unroll 6
    for (int k = 0; k < kRows * kColumns; ++k) {
      const int i = k / kColumns;
      const int j = kFirst + k % kColumns;
      const std::int64_t at = first + i * row_size + j * pixel_size;
      in[i][j] = hn::LoadU(d, x + at);
      sum[i][j] = hn::LoadU(d, grad_x + at);
    }
  }
  template <int kColumns>
  HWY_INLINE void store(T* grad_x, std::int64_t first) const {
#pragma GCC unroll 6
    for (int k = 0; k < kRows * kColumns; ++k) {
      const int i = k / kColumns;
      const int j = k % kColumns;
      hn::StoreU(sum[i][j], Tag<T>(), grad_x + first + i * row_size + j * pixel_size);
    }
  }
  HWY_INLINE void advance() {
#pragma GCC unroll 6
    for (int k = 0; k < kRows * shared; ++k) {
      in[k / shared][k % shared] = in[k / shared][k % shared + kStride];
      sum[k / shared][k % shared] = sum[k / shared][k % shared + kStride];
    }
  }
  HWY_INLINE Vec<T> maximum() const {
    auto largest = in[0][0];
#pragma GCC unroll 9
    for (int k = 1; k < kRows * 3; ++k) {
      largest = joined<Pool::max, T>(largest, in[k / 3][k % 3]);
    }
    return largest;
  }
  /// Adds g to the gradient of the first pixel that is `largest`.
  HWY_INLINE void give(Vec<T> g, Vec<T> largest) {
    auto rest = g;  // 0 where it is given already
#pragma GCC unroll 9
    for (int k = 0; k < kRows * 3; ++k) {
      const auto here = hn::Eq(in[k / 3][k % 3], largest);
      auto& to = sum[k / 3][k % 3];
      to = hn::Add(to, hn::IfThenElseZero(here, rest));
      rest = hn::IfThenZeroElse(here, rest);
    }
  }
};

/// Of the windows of a row that are three wide.
template <int kRows, int kStride, class T, class S>
HWY_INLINE void give_row(const PoolShape& s, const Window& row, const T* x, const S* y,
                         const T* grad_y, T* grad_x) {
  using Sliding = SlidingWindow<kRows, kStride, T>;
  const std::int64_t last = whole_end(s);
  for (std::int64_t c = 0; c < s.channels && last > 1; c += lanes<T>()) {
    Sliding window;
    window.row_size = s.width * s.channels;
    window.pixel_size = s.channels;
    std::int64_t place = row.top * window.row_size + (kStride - 1) * s.channels + c;
    window.template load<0, Sliding::shared>(x, grad_x, place);
    for (std::int64_t j = 1; j < last; ++j, place += kStride * s.channels) {
      window.template load<Sliding::shared, kStride>(x, grad_x, place);
      const std::int64_t out = j * s.channels + c;
      Vec<T> largest;
      if constexpr (std::is_same_v<T, S>) {
        largest = hn::LoadU(Tag<T>(), y + out);
      } else {
        largest = window.maximum();
      }
      window.give(hn::LoadU(Tag<T>(), grad_y + out), largest);
      window.template store<kStride>(grad_x, place);
      window.advance();
    }
    window.template store<Sliding::shared>(grad_x, place);
  }
}

template <class T, class S>
void max_backward_image(const PoolShape& s, const T* x, const S* y, const T* grad_y, T* grad_x) {
  const Tag<T> d;
  const std::int64_t row_size = s.out_width() * s.channels;
  for (std::int64_t i = 0; i < s.out_height(); ++i, y += row_size, grad_y += row_size) {
    const Window row = window_of(s, i, 0);
    const std::int64_t rows = row.bottom - row.top;
    if (rows == whole) {
      s.stride == 1 ? give_row<3, 1>(s, row, x, y, grad_y, grad_x)
                    : give_row<3, 2>(s, row, x, y, grad_y, grad_x);
    } else if (rows == 2) {
      s.stride == 1 ? give_row<2, 1>(s, row, x, y, grad_y, grad_x)
                    : give_row<2, 2>(s, row, x, y, grad_y, grad_x);
    }
    for (std::int64_t j = 0; j < s.out_width(); j = j == 0 && rows > 1 ? whole_end(s) : j + 1) {
      const Window w = window_of(s, i, j);
      for (std::int64_t c = 0; c < s.channels; c += lanes<T>()) {
        const std::int64_t out = j * s.channels + c;
        give_to_maximum<T>(s, w, hn::LoadU(d, grad_y + out), maximum(s, w, x + c, y + out), x + c,
                           grad_x + c);
      }
    }
  }
}

template <class T, class S>
void forward_image(const PoolShape& s, const T* x, S* y) {
  s.pool == Pool::max ? forward_image<Pool::max>(s, x, y) : forward_image<Pool::average>(s, x, y);
}

template <class T, class S>
void backward_image(const PoolShape& s, const T* x, const S* y, const T* grad_y, T* grad_x) {
  s.pool == Pool::max ? max_backward_image(s, x, y, grad_y, grad_x)
                      : average_backward_image(s, grad_y, grad_x);
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
