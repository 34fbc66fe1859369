// Matrix products of blocks of pixels with packed weights for one instruction set. The weights lie
// in panels of two vectors of columns, the last one or two of which may be narrower: a vector, or
// half a vector where that is a register of its own, so that 36 channels cost 40 and not 48.

#if defined(DARTS_KERNELS_PANELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_PANELS_INL
#undef DARTS_KERNELS_PANELS_INL
#else
#define DARTS_KERNELS_PANELS_INL
#endif

#include "tails-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3
template <class T>
using NarrowTag = hn::Half<Tag<T>>;
#else
template <class T>
using NarrowTag = Tag<T>;
#endif

/// Columns of the next panel if `rest` channels are left.
template <class T>
HWY_INLINE std::int64_t panel_width(std::int64_t rest) {
  const std::int64_t whole = lanes<T>();
  const std::int64_t narrow = lanes_of(NarrowTag<T>());
  return rest > whole + narrow % whole ? 2 * whole : rest > narrow ? whole : narrow;
}

/// Blocks of pixels: `depth` values each, `step` elements apart.
template <class T>
struct Rows {
  const T* data;
  std::int64_t step;
  std::int64_t pixels;
  std::int64_t depth;
};

/// sum[p][v] = bias + Σ_k in[p][k] · panel[k][v-th vector].
template <int kPixels, int kVectors, class D, class T>
HWY_INLINE void panel_tile(D d, const T* HWY_RESTRICT in, const Rows<T>& rows,
                           const T* HWY_RESTRICT panel, const T* bias,
                           hn::Vec<D> (&sum)[kPixels][kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const auto first = bias == nullptr ? hn::Zero(d) : hn::LoadU(d, bias + v * lanes_of(d));
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      sum[p][v] = first;
    }
  }
  for (std::int64_t k = 0; k < rows.depth; ++k, panel += kVectors * lanes_of(d)) {
    hn::Vec<D> w[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      w[v] = hn::LoadU(d, panel + v * lanes_of(d));
    }
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      const auto x = hn::Set(d, in[p * rows.step + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[p][v] = hn::MulAdd(x, w[v], sum[p][v]);
      }
    }
  }
}

/// As many tiles of kPixels as are left from `pixel` on; returns the first pixel after them.
template <int kPixels, int kVectors, class D, class T, class Sink, std::size_t kPlaces>
HWY_INLINE std::int64_t multiply_tiles(D d, const Rows<T>& rows, const T* panel, const T* bias,
                                       Sink& sink, Fetchers<kPlaces>& ahead, std::int64_t pixel) {
  for (; pixel + kPixels <= rows.pixels; pixel += kPixels) {
    hn::Vec<D> tile[kPixels][kVectors];
    panel_tile<kPixels, kVectors>(d, rows.data + pixel * rows.step, rows, panel, bias, tile);
    sink.template take<kPixels>(tile, pixel);
    ahead.template next<T>(kPixels * kVectors);
  }
  return pixel;
}

template <int kVectors, class D, class T, class Sink, std::size_t kPlaces>
HWY_INLINE void multiply_panel(D d, const Rows<T>& rows, const T* panel, const T* bias, Sink& sink,
                               Fetchers<kPlaces>& ahead) {
  // More pixels than 8 need more pointers than there are general registers.
  constexpr int kMost = many_registers ? 8 : 4;
  std::int64_t pixel = 0;
  pixel = multiply_tiles<kMost, kVectors>(d, rows, panel, bias, sink, ahead, pixel);
  pixel = multiply_tiles<kMost / 2, kVectors>(d, rows, panel, bias, sink, ahead, pixel);
  multiply_tiles<1, kVectors>(d, rows, panel, bias, sink, ahead, pixel);
}

/// Stores a panel's columns, of which `count` are real, and keeps sums of the values, as they are
/// stored, and of their squares.
template <int kVectors, class D, class S>
struct MomentSink {
  S* out;
  std::int64_t step;
  std::int64_t count;
  double* sums;
  double* squares;
  hn::Vec<D> sum[kVectors];
  hn::Vec<D> square[kVectors];

  template <int kPixels>
  HWY_INLINE void take(const hn::Vec<D> (&tile)[kPixels][kVectors], std::int64_t pixel) {
    constexpr std::int64_t all = kVectors * std::int64_t{hn::MaxLanes(D())};
    count < all ? keep(tile, pixel, count) : keep(tile, pixel, all);  // `all`: no tails
  }
  template <int kPixels>
  HWY_INLINE void keep(const hn::Vec<D> (&tile)[kPixels][kVectors], std::int64_t pixel,
                       std::int64_t columns) {
    const D d;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      S* const to = out + (pixel + p) * step;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const std::int64_t at = v * lanes_of(d);
        const auto kept = store_rounded_first(tile[p][v], d, to + at, columns - at);
        sum[v] = hn::Add(sum[v], kept);
        square[v] = hn::MulAdd(kept, kept, square[v]);
      }
    }
  }
  HWY_INLINE void end() const {
    const D d;
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t at = v * lanes_of(d);
      add_first(d, sum[v], sums + at, count - at);
      add_first(d, square[v], squares + at, count - at);
    }
  }
};

/// Adds what is there, if anything, to a panel's columns, of which `count` are real, and stores the
/// sum.
template <bool kAdds, int kVectors, class D>
struct AddSink {
  using T = hn::TFromD<D>;
  T* out;
  std::int64_t step;
  std::int64_t count;
  const T* addend;
  std::int64_t addend_step;

  template <int kPixels>
  HWY_INLINE void take(const hn::Vec<D> (&tile)[kPixels][kVectors], std::int64_t pixel) const {
    constexpr std::int64_t all = kVectors * std::int64_t{hn::MaxLanes(D())};
    count < all ? store(tile, pixel, count) : store(tile, pixel, all);
  }
  template <int kPixels>
  HWY_INLINE void store(const hn::Vec<D> (&tile)[kPixels][kVectors], std::int64_t pixel,
                        std::int64_t columns) const {
    const D d;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
      T* const to = out + (pixel + p) * step;
      const T* const more = kAdds ? addend + (pixel + p) * addend_step : addend;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const std::int64_t at = v * lanes_of(d);
        auto value = tile[p][v];
        if (kAdds) {
          value = hn::Add(value, load_first(d, more + at, columns - at));
        }
        store_first(value, d, to + at, columns - at);
      }
    }
  }
  HWY_INLINE void end() const {}
};

/// Stores whole vectors.
template <int kVectors, class D>
struct StoreSink {
  using T = hn::TFromD<D>;
  T* out;
  std::int64_t step;

  template <int kPixels>
  HWY_INLINE void take(const hn::Vec<D> (&tile)[kPixels][kVectors], std::int64_t pixel) const {
    const D d;
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        hn::StoreU(tile[p][v], d, out + (pixel + p) * step + v * lanes_of(d));
      }
    }
  }
  HWY_INLINE void end() const {}
};

/// Where a product goes: stored, with its moments added to the sums; …
template <class S>
struct MomentOutput {
  S* out;
  std::int64_t step;
  std::int64_t channels;
  double* sums;
  double* squares;

  template <int kVectors, class D>
  HWY_INLINE MomentSink<kVectors, D, S> sink(D d, std::int64_t c) const {
    MomentSink<kVectors, D, S> to;
    to.out = out + c;
    to.step = step;
    to.count = channels - c;
    to.sums = sums + c;
    to.squares = squares + c;
    for (int v = 0; v < kVectors; ++v) {
      to.sum[v] = hn::Zero(d);
      to.square[v] = hn::Zero(d);
    }
    return to;
  }
};

/// … stored, after adding (if kAdds) an addend, which may be in the same place; …
template <bool kAdds, class T>
struct AddOutput {
  T* out;
  std::int64_t step;
  std::int64_t channels;
  const T* addend;
  std::int64_t addend_step;

  template <int kVectors, class D>
  HWY_INLINE AddSink<kAdds, kVectors, D> sink(D, std::int64_t c) const {
    return {out + c, step, channels - c, kAdds ? addend + c : nullptr, addend_step};
  }
};

/// … or stored as whole panels: a pixel must have room for them.
template <class T>
struct PaddedOutput {
  T* out;
  std::int64_t step;

  template <int kVectors, class D>
  HWY_INLINE StoreSink<kVectors, D> sink(D, std::int64_t c) const {
    return {out + c, step};
  }
};

/// A function of its own: the tiles' loops need nearly all registers, general ones too.
template <int kVectors, class D, class T, class Output, std::size_t kPlaces>
HWY_NOINLINE void output_panel(D d, const Rows<T>& rows, const T* panel, const T* bias,
                               const Output& to, std::int64_t c, Fetchers<kPlaces>& ahead) {
  auto sink = to.template sink<kVectors>(d, c);
  multiply_panel<kVectors>(d, rows, panel, bias == nullptr ? bias : bias + c, sink, ahead);
  sink.end();
}

/// to = bias + rows · weights, for `channels` columns. Fetches a vector's worth from each of
/// `ahead` with every vector of the result.
template <class T, class Output, std::size_t kPlaces>
HWY_INLINE void product(const Rows<T>& rows, std::int64_t channels, const T* weights, const T* bias,
                        const Output& to, Fetchers<kPlaces>& ahead) {
  for (std::int64_t c = 0; c < channels;) {
    const std::int64_t width = panel_width<T>(channels - c);
    const T* const panel = weights + c * rows.depth;
    if (width == 2 * lanes<T>()) {
      output_panel<2>(Tag<T>(), rows, panel, bias, to, c, ahead);
    } else if (width == lanes<T>()) {  // NOLINT(bugprone-branch-clone): other tags
      output_panel<1>(Tag<T>(), rows, panel, bias, to, c, ahead);
    } else {
      output_panel<1>(NarrowTag<T>(), rows, panel, bias, to, c, ahead);
    }
    c += width;
  }
}

template <int kRows, int kVectors, class D, class T>
HWY_INLINE void outer_tile(D d, const T* HWY_RESTRICT in, const Rows<T>& rows,
                           const T* HWY_RESTRICT gradient, std::int64_t gradient_step,
                           T* HWY_RESTRICT sums) {
  hn::Vec<D> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[k][v] = hn::LoadU(d, sums + (k * kVectors + v) * lanes_of(d));
    }
  }
  for (std::int64_t pixel = 0; pixel < rows.pixels; ++pixel) {
    hn::Vec<D> g[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      g[v] = hn::LoadU(d, gradient + pixel * gradient_step + v * lanes_of(d));
    }
#pragma GCC unroll 16
    for (int k = 0; k < kRows; ++k) {
      const auto x = hn::Set(d, in[pixel * rows.step + k]);
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
      hn::StoreU(sum[k][v], d, sums + (k * kVectors + v) * lanes_of(d));
    }
  }
}

template <int kVectors, class D, class T>
HWY_NOINLINE void outer_panel(D d, const Rows<T>& rows, const T* gradient, std::int64_t step,
                              T* sums) {
  constexpr int kRows = many_registers ? 8 : 4;
  const std::int64_t width = kVectors * lanes_of(d);
  std::int64_t k = 0;
  for (; k + kRows <= rows.depth; k += kRows) {
    outer_tile<kRows, kVectors>(d, rows.data + k, rows, gradient, step, sums + k * width);
  }
  for (; k + 4 <= rows.depth; k += 4) {
    outer_tile<4, kVectors>(d, rows.data + k, rows, gradient, step, sums + k * width);
  }
  for (; k < rows.depth; ++k) {
    outer_tile<1, kVectors>(d, rows.data + k, rows, gradient, step, sums + k * width);
  }
}

/// sums (packed) += rowsᵀ · gradient (pixels of `step` elements, zeros behind the channels).
template <class T>
HWY_INLINE void outer_product(const Rows<T>& rows, const T* gradient, std::int64_t step,
                              std::int64_t channels, T* sums) {
  for (std::int64_t c = 0; c < channels;) {
    const std::int64_t width = panel_width<T>(channels - c);
    T* const panel = sums + c * rows.depth;
    if (width == 2 * lanes<T>()) {
      outer_panel<2>(Tag<T>(), rows, gradient + c, step, panel);
    } else if (width == lanes<T>()) {  // NOLINT(bugprone-branch-clone): other tags
      outer_panel<1>(Tag<T>(), rows, gradient + c, step, panel);
    } else {
      outer_panel<1>(NarrowTag<T>(), rows, gradient + c, step, panel);
    }
    c += width;
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
