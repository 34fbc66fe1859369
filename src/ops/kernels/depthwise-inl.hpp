// Rows of depthwise convolutions for one instruction set.

#if defined(DARTS_KERNELS_DEPTHWISE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_DEPTHWISE_INL
#undef DARTS_KERNELS_DEPTHWISE_INL
#else
#define DARTS_KERNELS_DEPTHWISE_INL
#endif

#include "separable.hpp"
#include "vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// A row of output pixels and where its input lies.
template <class T>
struct DepthwiseRow {
  const T* input = nullptr;     ///< first tap of the first pixel
  std::int64_t row_step = 0;    ///< elements between rows of taps
  std::int64_t pixel_size = 0;  ///< elements between neighbouring input pixels
  const T* weights = nullptr;   ///< of the first tap
  std::int64_t weight_step = 0;
  std::int64_t pixels = 0;
};

// Where a row of results goes: each vector is given to the sink with sums that it keeps in
// registers for a vector of channels; then it is told how many pixels there were.

/// Stored; …
template <class T>
struct StoreRow {
  T* to;
  std::int64_t channels;

  struct Sums {};
  HWY_INLINE Sums begin() const { return {}; }
  HWY_INLINE void operator()(Vec<T> v, std::int64_t pixel, std::int64_t c, Sums&) const {
    hn::StoreU(v, Tag<T>(), to + pixel * channels + c);
  }
  HWY_INLINE void after(int /*pixels*/) const {}
  HWY_INLINE void end(const Sums&, std::int64_t) const {}
};

/// … added; …
template <class T>
struct AddRow {
  T* to;
  std::int64_t channels;
  Fetchers<1>* ahead;

  struct Sums {};
  HWY_INLINE Sums begin() const { return {}; }
  HWY_INLINE void operator()(Vec<T> v, std::int64_t pixel, std::int64_t c, Sums&) const {
    const Tag<T> d;
    T* const place = to + pixel * channels + c;
    hn::StoreU(hn::Add(hn::LoadU(d, place), v), d, place);
  }
  HWY_INLINE void after(int pixels) const { ahead->template next<T>(pixels); }
  HWY_INLINE void end(const Sums&, std::int64_t) const {}
};

/// … or stored where the mask is above 0 (else 0), with sums of it and of its product with y.
template <class T, class S>
struct MaskRow {
  T* to;
  const T* mask;
  const S* y;
  std::int64_t channels;
  double* sums;
  Fetchers<1>* ahead;

  struct Sums {
    Vec<T> plain;
    Vec<T> product;
  };
  HWY_INLINE Sums begin() const { return {hn::Zero(Tag<T>()), hn::Zero(Tag<T>())}; }
  HWY_INLINE void operator()(Vec<T> v, std::int64_t pixel, std::int64_t c, Sums& s) const {
    const Tag<T> d;
    const std::int64_t at = pixel * channels + c;
    const auto open = hn::Gt(hn::LoadU(d, mask + at), hn::Zero(d));
    const auto g = hn::IfThenElseZero(open, v);
    hn::StoreU(g, d, to + at);
    prepare_store(to + at);
    s.plain = hn::Add(s.plain, g);
    s.product = hn::MulAdd(g, load_stored(y + at), s.product);
  }
  HWY_INLINE void after(int pixels) const { ahead->template next<T>(pixels); }
  HWY_INLINE void end(const Sums& s, std::int64_t c) const {
    add_to(Tag<T>(), s.plain, sums + c);
    add_to(Tag<T>(), s.product, sums + channels + c);
  }
};

/// kPixels neighbouring results of stride 1: every input vector is loaded once a row of taps and
/// used for all the pixels that see it.
template <int kKernel, int kDilation, int kPixels, class T, class Sink, class Sums>
HWY_INLINE void sliding_pixels(const DepthwiseRow<T>& r, std::int64_t pixel, std::int64_t c,
                               const Sink& sink, Sums& sums) {
  const Tag<T> d;
  Vec<T> sum[kPixels];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    sum[p] = hn::Zero(d);
  }
  const T* HWY_RESTRICT in = r.input + pixel * r.pixel_size + c;
  const T* HWY_RESTRICT weight = r.weights + c;
  for (int kh = 0; kh < kKernel; ++kh, in += r.row_step) {
    Vec<T> w[kKernel];
#pragma GCC unroll 16
    for (int kw = 0; kw < kKernel; ++kw) {
      w[kw] = hn::LoadU(d, weight);
      weight += r.weight_step;
    }
#pragma GCC unroll 32
    for (int i = 0; i < kPixels + kDilation * (kKernel - 1); ++i) {
      const Vec<T> v = hn::LoadU(d, in + i * r.pixel_size);
#pragma GCC unroll 16
      for (int kw = 0; kw < kKernel; ++kw) {
        const int p = i - kDilation * kw;
        if (p >= 0 && p < kPixels) {
          sum[p] = hn::MulAdd(v, w[kw], sum[p]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    sink(sum[p], pixel + p, c, sums);
  }
  sink.after(kPixels);
}

/// The same of any stride and dilation.
template <int kKernel, int kPixels, class T, class Sink, class Sums>
HWY_INLINE void strided_pixels(const DepthwiseRow<T>& r, std::int64_t stride, std::int64_t dilation,
                               std::int64_t pixel, std::int64_t c, const Sink& sink, Sums& sums) {
  const Tag<T> d;
  Vec<T> sum[kPixels];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    sum[p] = hn::Zero(d);
  }
  const T* HWY_RESTRICT in = r.input + pixel * stride * r.pixel_size + c;
  const T* HWY_RESTRICT weight = r.weights + c;
  for (int kh = 0; kh < kKernel; ++kh, in += r.row_step) {
    for (int kw = 0; kw < kKernel; ++kw, weight += r.weight_step) {
      const Vec<T> w = hn::LoadU(d, weight);
      const T* HWY_RESTRICT tap = in + kw * dilation * r.pixel_size;
#pragma GCC unroll 16
      for (int p = 0; p < kPixels; ++p) {
        sum[p] = hn::MulAdd(hn::LoadU(d, tap + p * stride * r.pixel_size), w, sum[p]);
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    sink(sum[p], pixel + p, c, sums);
  }
  sink.after(kPixels);
}

template <int kKernel, int kDilation, class T, class Sink>
HWY_INLINE void sliding_row(const DepthwiseRow<T>& r, const Sink& sink) {
  for (std::int64_t c = 0; c < r.pixel_size; c += lanes<T>()) {
    auto sums = sink.begin();
    std::int64_t pixel = 0;
    for (; pixel + 8 <= r.pixels; pixel += 8) {
      sliding_pixels<kKernel, kDilation, 8>(r, pixel, c, sink, sums);
    }
    for (; pixel + 2 <= r.pixels; pixel += 2) {
      sliding_pixels<kKernel, kDilation, 2>(r, pixel, c, sink, sums);
    }
    for (; pixel < r.pixels; ++pixel) {
      sliding_pixels<kKernel, kDilation, 1>(r, pixel, c, sink, sums);
    }
    sink.end(sums, c);
  }
}

template <int kKernel, class T, class Sink>
HWY_INLINE void strided_row(const SeparableShape& s, const DepthwiseRow<T>& r, const Sink& sink) {
  for (std::int64_t c = 0; c < r.pixel_size; c += lanes<T>()) {
    auto sums = sink.begin();
    std::int64_t pixel = 0;
    for (; pixel + 8 <= r.pixels; pixel += 8) {
      strided_pixels<kKernel, 8>(r, s.stride, s.dilation, pixel, c, sink, sums);
    }
    for (; pixel < r.pixels; ++pixel) {
      strided_pixels<kKernel, 1>(r, s.stride, s.dilation, pixel, c, sink, sums);
    }
    sink.end(sums, c);
  }
}

/// A row of pixels of the depthwise convolution of `s`, all channels.
template <class T, class Sink>
HWY_INLINE void depthwise_row(const SeparableShape& s, const DepthwiseRow<T>& r, const Sink& sink) {
  if (s.stride == 1 && s.dilation == 1) {
    return s.kernel == 3   ? sliding_row<3, 1>(r, sink)
           : s.kernel == 5 ? sliding_row<5, 1>(r, sink)
                           : sliding_row<7, 1>(r, sink);
  }
  if (s.stride == 1 && s.dilation == 2 && s.kernel < 7) {
    return s.kernel == 3 ? sliding_row<3, 2>(r, sink) : sliding_row<5, 2>(r, sink);
  }
  return s.kernel == 3   ? strided_row<3>(s, r, sink)
         : s.kernel == 5 ? strided_row<5>(s, r, sink)
                         : strided_row<7>(s, r, sink);
}

/// A tap of a transposed convolution: where a row of pixels reads, and its weight.
template <class T>
struct Tap {
  const T* input = nullptr;
  const T* weight = nullptr;
};

/// Adds the sums over `taps` to every other one of 2 · kPixels pixels; `at`: offset of the first
/// gradient pixel, twice that of the first pixel of `out`.
template <int kPixels, class T>
HWY_INLINE void add_taps(const Tap<T>* taps, int count, std::int64_t c, std::int64_t at,
                         std::int64_t pixel_size, T* HWY_RESTRICT out) {
  const Tag<T> d;
  out += 2 * at;
  const std::int64_t step = 2 * pixel_size;
  Vec<T> sum[kPixels];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    sum[p] = hn::LoadU(d, out + p * step);
  }
  for (int t = 0; t < count; ++t) {
    const Vec<T> w = hn::LoadU(d, taps[t].weight + c);
    const T* HWY_RESTRICT in = taps[t].input + at + c;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      sum[p] = hn::MulAdd(hn::LoadU(d, in + p * pixel_size), w, sum[p]);
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    hn::StoreU(sum[p], d, out + p * step);
  }
}

/// The taps that meet row y and columns `odd`, `odd` + 2, … of the input of a stride-2 convolution,
/// for the first of these pixels. Returns their number.
template <class T>
HWY_INLINE int transposed_taps(const SeparableShape& s, const PaddedImage<T>& gradient,
                               const T* weights, std::int64_t y, std::int64_t odd, Tap<T>* taps) {
  int count = 0;
  for (std::int64_t kh = 0; kh < s.kernel; ++kh) {
    const std::int64_t row = y + s.padding() - s.dilation * kh;
    if ((row & 1) != 0) {
      continue;
    }
    const T* const line = gradient.pixel(row >> 1, 0);
    for (std::int64_t kw = 0; kw < s.kernel; ++kw) {
      const std::int64_t column = odd + s.padding() - s.dilation * kw;
      if ((column & 1) == 0) {
        taps[count++] = {line + (column >> 1) * s.in_channels,
                         weights + (kh * s.kernel + kw) * s.in_channels};
      }
    }
  }
  return count;
}

/// Adds the gradient of row y of the input of a stride-2 convolution to `out` (`width` pixels),
/// from the padded gradient of its output. Even and odd pixels see different taps.
template <class T>
HWY_INLINE void add_transposed_row(const SeparableShape& s, const PaddedImage<T>& gradient,
                                   const T* weights, std::int64_t y, std::int64_t width, T* out) {
  constexpr int most_taps = 49;
  const std::int64_t channels = s.in_channels;
  for (std::int64_t odd = 0; odd < 2; ++odd) {
    Tap<T> taps[most_taps];
    const int count = transposed_taps(s, gradient, weights, y, odd, taps);
    const std::int64_t pixels = count == 0 ? 0 : (width - odd + 1) / 2;
    for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
      T* const first = out + odd * channels + c;
      std::int64_t pixel = 0;
      for (; pixel + 8 <= pixels; pixel += 8) {
        add_taps<8>(taps, count, c, pixel * channels, channels, first);
      }
      for (; pixel < pixels; ++pixel) {
        add_taps<1>(taps, count, c, pixel * channels, channels, first);
      }
    }
  }
}

/// Some rows of output pixels, whose products with the input are added to `sums`: the gradient of
/// the depthwise weights.
template <class T>
struct DepthwiseWeights {
  const T* input = nullptr;   ///< first tap of the first pixel
  std::int64_t row_step = 0;  ///< elements between rows of taps
  std::int64_t next_row = 0;  ///< elements between the inputs of output rows
  const T* gradient = nullptr;
  std::int64_t next_gradient_row = 0;
  std::int64_t channels = 0;
  std::int64_t pixels = 0;
  std::int64_t rows = 0;
  T* sums = nullptr;  ///< kernel² × channels
};

/// kPixels neighbouring gradients of stride 1, which are held while the inputs that they meet pass
/// by. Even and odd pixels have sums of their own.
template <int kKernel, int kDilation, int kPixels, class T>
HWY_INLINE void sliding_products(const T* HWY_RESTRICT in, const T* HWY_RESTRICT gradient,
                                 std::int64_t channels, Vec<T> (&sum)[2 * kKernel]) {
  const Tag<T> d;
  Vec<T> g[kPixels];
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
    g[p] = hn::LoadU(d, gradient + p * channels);
  }
#pragma GCC unroll 32
  for (int i = 0; i < kPixels + kDilation * (kKernel - 1); ++i) {
    const Vec<T> v = hn::LoadU(d, in + i * channels);
#pragma GCC unroll 16
    for (int kw = 0; kw < kKernel; ++kw) {
      const int p = i - kDilation * kw;
      if (p >= 0 && p < kPixels) {
        sum[2 * kw + p % 2] = hn::MulAdd(v, g[p], sum[2 * kw + p % 2]);
      }
    }
  }
}

template <int kKernel, int kDilation, class T>
HWY_INLINE void sliding_weights(const DepthwiseWeights<T>& w) {
  constexpr int kPixels = 8;
  const Tag<T> d;
  for (std::int64_t c = 0; c < w.channels; c += lanes<T>()) {
    for (int kh = 0; kh < kKernel; ++kh) {
      Vec<T> sum[2 * kKernel];
#pragma GCC unroll 16
      for (int k = 0; k < 2 * kKernel; ++k) {
        sum[k] = hn::Zero(d);
      }
      for (std::int64_t row = 0; row < w.rows; ++row) {
        const T* HWY_RESTRICT in = w.input + row * w.next_row + kh * w.row_step + c;
        const T* HWY_RESTRICT gradient = w.gradient + row * w.next_gradient_row + c;
        std::int64_t left = w.pixels;
        for (; left >= kPixels; left -= kPixels) {
          sliding_products<kKernel, kDilation, kPixels>(in, gradient, w.channels, sum);
          in += kPixels * w.channels;
          gradient += kPixels * w.channels;
        }
        for (; left > 0; --left, in += w.channels, gradient += w.channels) {
          sliding_products<kKernel, kDilation, 1>(in, gradient, w.channels, sum);
        }
      }
#pragma GCC unroll 16
      for (int kw = 0; kw < kKernel; ++kw) {
        T* const to = w.sums + (kh * kKernel + kw) * w.channels + c;
        hn::StoreU(hn::Add(hn::LoadU(d, to), hn::Add(sum[2 * kw], sum[2 * kw + 1])), d, to);
      }
    }
  }
}

template <int kKernel, class T>
HWY_INLINE void strided_weights(const SeparableShape& s, const DepthwiseWeights<T>& w) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < w.channels; c += lanes<T>()) {
    for (int kh = 0; kh < kKernel; ++kh) {
      Vec<T> sum[kKernel];
#pragma GCC unroll 16
      for (int k = 0; k < kKernel; ++k) {
        sum[k] = hn::Zero(d);
      }
      for (std::int64_t row = 0; row < w.rows; ++row) {
        const T* HWY_RESTRICT in = w.input + row * w.next_row + kh * w.row_step + c;
        const T* HWY_RESTRICT gradient = w.gradient + row * w.next_gradient_row + c;
        for (std::int64_t pixel = 0; pixel < w.pixels; ++pixel) {
          const Vec<T> g = hn::LoadU(d, gradient + pixel * w.channels);
#pragma GCC unroll 16
          for (int kw = 0; kw < kKernel; ++kw) {
            const T* at = in + (pixel * s.stride + kw * s.dilation) * w.channels;
            sum[kw] = hn::MulAdd(hn::LoadU(d, at), g, sum[kw]);
          }
        }
      }
#pragma GCC unroll 16
      for (int kw = 0; kw < kKernel; ++kw) {
        T* const to = w.sums + (kh * kKernel + kw) * w.channels + c;
        hn::StoreU(hn::Add(hn::LoadU(d, to), sum[kw]), d, to);
      }
    }
  }
}

template <class T>
HWY_INLINE void depthwise_weights(const SeparableShape& s, const DepthwiseWeights<T>& w) {
  if (s.stride == 1 && s.dilation == 1) {
    return s.kernel == 3   ? sliding_weights<3, 1>(w)
           : s.kernel == 5 ? sliding_weights<5, 1>(w)
                           : sliding_weights<7, 1>(w);
  }
  if (s.stride == 1 && s.dilation == 2 && s.kernel < 7) {
    return s.kernel == 3 ? sliding_weights<3, 2>(w) : sliding_weights<5, 2>(w);
  }
  return s.kernel == 3   ? strided_weights<3>(s, w)
         : s.kernel == 5 ? strided_weights<5>(s, w)
                         : strided_weights<7>(s, w);
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
