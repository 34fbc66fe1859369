// Pointwise (1×1) products of blocks of pixels for one instruction set: small matrix products in
// register tiles of pixels × vectors of output channels.

#if defined(DARTS_KERNELS_POINTWISE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_POINTWISE_INL
#undef DARTS_KERNELS_POINTWISE_INL
#else
#define DARTS_KERNELS_POINTWISE_INL
#endif

#include "vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// sum[p][v] = Σ_k in[p][k] · weights[k][v-th vector].
template <int kPixels, int kVectors, class T>
HWY_INLINE void multiply_tile(const T* HWY_RESTRICT in, std::int64_t depth,
                              const T* HWY_RESTRICT weights, std::int64_t weight_step,
                              Vec<T> (&sum)[kPixels][kVectors]) {
  const Tag<T> d;
#pragma GCC unroll 16
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[p][v] = hn::Zero(d);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k, weights += weight_step) {
    Vec<T> w[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      w[v] = hn::LoadU(d, weights + v * lanes<T>());
    }
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      const Vec<T> x = hn::Set(d, in[p * depth + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[p][v] = hn::MulAdd(x, w[v], sum[p][v]);
      }
    }
  }
}

/// Stores a tile and keeps running sums of its values, as they are stored, and their squares.
template <int kVectors, class T, class S, std::size_t kPlaces>
struct StatisticsSink {
  S* out;
  std::int64_t channels;
  Fetchers<kPlaces>* ahead;
  Vec<T> sum[kVectors];
  Vec<T> square[kVectors];

  template <int kPixels>
  HWY_INLINE void take(const Vec<T> (&tile)[kPixels][kVectors], std::int64_t pixel) {
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const auto kept = store_rounded(tile[p][v], out + (pixel + p) * channels + v * lanes<T>());
        sum[v] = hn::Add(sum[v], kept);
        square[v] = hn::MulAdd(kept, kept, square[v]);
        ahead->template next<T>();
      }
    }
  }
};

template <class T, std::size_t kPlaces>
struct PlainSink {
  T* out;
  std::int64_t pixel_step;
  Fetchers<kPlaces>* ahead;

  template <int kPixels, int kVectors>
  HWY_INLINE void take(const Vec<T> (&tile)[kPixels][kVectors], std::int64_t pixel) {
    const Tag<T> d;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        hn::StoreU(tile[p][v], d, out + (pixel + p) * pixel_step + v * lanes<T>());
        ahead->template next<T>();
      }
    }
  }
};

/// All pixels of a block for kVectors vectors of output channels.
template <int kVectors, class T, class Sink>
HWY_INLINE void multiply_columns(const T* in, std::int64_t pixels, std::int64_t depth,
                                 const T* weights, std::int64_t weight_step, Sink& sink) {
  constexpr int kPixels = many_registers ? 8 : 4;
  std::int64_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) {
    Vec<T> tile[kPixels][kVectors];
    multiply_tile<kPixels, kVectors>(in + pixel * depth, depth, weights, weight_step, tile);
    sink.template take<kPixels>(tile, pixel);
  }
  for (; pixel < pixels; ++pixel) {
    Vec<T> tile[1][kVectors];
    multiply_tile<1, kVectors>(in + pixel * depth, depth, weights, weight_step, tile);
    sink.template take<1>(tile, pixel);
  }
}

template <int kVectors, class T, class S, std::size_t kPlaces>
HWY_INLINE void forward_columns(const T* in, std::int64_t pixels, std::int64_t depth,
                                std::int64_t channels, const T* weights, S* out, double* sums,
                                Fetchers<kPlaces>& ahead) {
  const Tag<T> d;
  StatisticsSink<kVectors, T, S, kPlaces> sink;
  sink.out = out;
  sink.channels = channels;
  sink.ahead = &ahead;
  for (int v = 0; v < kVectors; ++v) {
    sink.sum[v] = hn::Zero(d);
    sink.square[v] = hn::Zero(d);
  }
  multiply_columns<kVectors>(in, pixels, depth, weights, channels, sink);
  for (int v = 0; v < kVectors; ++v) {
    add_to(sums + v * lanes<T>(), sink.sum[v]);
    add_to(sums + channels + v * lanes<T>(), sink.square[v]);
  }
}

/// out (pixels × channels) = in (pixels × depth) · weights (depth × channels); adds the sums of the
/// values, as they are stored, and of their squares to `sums` (2 × channels).
template <class T, class S, std::size_t kPlaces>
HWY_INLINE void pointwise_forward(const T* in, std::int64_t pixels, std::int64_t depth,
                                  std::int64_t channels, const T* weights, S* out, double* sums,
                                  Fetchers<kPlaces>& ahead) {
  std::int64_t c = 0;
  for (; c + 2 * lanes<T>() <= channels; c += 2 * lanes<T>()) {
    forward_columns<2>(in, pixels, depth, channels, weights + c, out + c, sums + c, ahead);
  }
  if (c < channels) {
    forward_columns<1>(in, pixels, depth, channels, weights + c, out + c, sums + c, ahead);
  }
}

/// The same without sums, output pixels `pixel_step` elements apart.
template <class T, std::size_t kPlaces>
HWY_INLINE void pointwise_backward(const T* in, std::int64_t pixels, std::int64_t depth,
                                   std::int64_t channels, const T* weights, T* out,
                                   std::int64_t pixel_step, Fetchers<kPlaces>& ahead) {
  std::int64_t c = 0;
  for (; c + 2 * lanes<T>() <= channels; c += 2 * lanes<T>()) {
    PlainSink<T, kPlaces> sink{out + c, pixel_step, &ahead};
    multiply_columns<2>(in, pixels, depth, weights + c, channels, sink);
  }
  if (c < channels) {
    PlainSink<T, kPlaces> sink{out + c, pixel_step, &ahead};
    multiply_columns<1>(in, pixels, depth, weights + c, channels, sink);
  }
}

template <int kRows, int kVectors, class T>
HWY_INLINE void weights_tile(const T* HWY_RESTRICT in, const T* HWY_RESTRICT gradient,
                             std::int64_t pixels, std::int64_t depth, std::int64_t channels,
                             T* HWY_RESTRICT sums) {
  const Tag<T> d;
  Vec<T> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[k][v] = hn::LoadU(d, sums + k * channels + v * lanes<T>());
    }
  }
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    Vec<T> g[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      g[v] = hn::LoadU(d, gradient + pixel * channels + v * lanes<T>());
    }
#pragma GCC unroll 16
    for (int k = 0; k < kRows; ++k) {
      const Vec<T> x = hn::Set(d, in[pixel * depth + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[k][v] = hn::MulAdd(x, g[v], sum[k][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[k][v], d, sums + k * channels + v * lanes<T>());
    }
  }
}

template <int kVectors, class T>
HWY_INLINE void weights_columns(const T* in, const T* gradient, std::int64_t pixels,
                                std::int64_t depth, std::int64_t channels, T* sums) {
  constexpr int kRows = many_registers ? 8 : 4;
  std::int64_t k = 0;
  for (; k + kRows <= depth; k += kRows) {
    weights_tile<kRows, kVectors>(in + k, gradient, pixels, depth, channels, sums + k * channels);
  }
  for (; k < depth; ++k) {
    weights_tile<1, kVectors>(in + k, gradient, pixels, depth, channels, sums + k * channels);
  }
}

/// sums (depth × channels) += inᵀ (depth × pixels) · gradient (pixels × channels).
template <class T>
HWY_INLINE void pointwise_weights(const T* in, const T* gradient, std::int64_t pixels,
                                  std::int64_t depth, std::int64_t channels, T* sums) {
  std::int64_t c = 0;
  for (; c + 2 * lanes<T>() <= channels; c += 2 * lanes<T>()) {
    weights_columns<2>(in, gradient + c, pixels, depth, channels, sums + c);
  }
  if (c < channels) {
    weights_columns<1>(in, gradient + c, pixels, depth, channels, sums + c);
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
