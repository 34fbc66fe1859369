// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// An image is first copied, with ReLU, into a buffer with zeros around it, in bands of rows that
// stay in the cache. The loops over taps then need no edge cases. A vector holds neighbouring
// channels of one pixel; several pixels at a time hide the latency of the multiply-adds. Channels
// beyond the last whole vector go into a half or a quarter of one.

#include "depthwise.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "vectors-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The narrowest vector in use, in elements: channels in buffers are rounded up to it.
template <class T>
constexpr std::int64_t quarter = 16 / sizeof(T);

/// Rows of a padded image (or of the gradient of the output, spread out by the stride).
struct Band {
  std::int64_t row_size = 0;    ///< elements of a row of the buffer
  std::int64_t pixel_size = 0;  ///< elements of a pixel: channels, rounded up
  std::int64_t first_row = 0;   ///< row of the padded image that the buffer begins with
};

template <class T>
HWY_INLINE std::int64_t rounded_channels(std::int64_t channels) {
  const auto full = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const std::int64_t rest = channels % full;
  std::int64_t tail = rest == 0 ? 0 : std::min(quarter<T>, full);
  while (tail < rest) {
    tail *= 2;
  }
  return channels - rest + tail;
}

/// Copies `count` pixels to a buffer, `step` buffer pixels apart.
template <class T>
HWY_INLINE void copy_pixels(const T* HWY_RESTRICT from, std::int64_t count, std::int64_t channels,
                            bool relu, std::int64_t pixel_size, std::int64_t step,
                            T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t values = channels;
  if (step == 1 && pixel_size == channels) {  // one run
    values = channels * count;
    count = 1;
  }
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    std::int64_t c = 0;
    for (; c + lanes <= values; c += lanes) {
      const auto v = hn::LoadU(d, from + c);
      hn::StoreU(relu ? positive_part(v) : v, d, to + c);
    }
    for (; c < values; ++c) {
      to[c] = relu && from[c] <= T(0) ? T(0) : from[c];
    }
    from += values;
    to += step * pixel_size;
  }
}

struct Fill {
  std::int64_t height = 0;  ///< of the source
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t padding = 0;
  std::int64_t spread = 1;  ///< source pixels come to lie so far apart
  bool relu = false;
};

/// Fills `rows` rows of the padded image from `first_row` on.
template <class T>
void fill(const Fill& f, const T* source, std::int64_t first_row, std::int64_t rows,
          std::int64_t row_size, std::int64_t pixel_size, T* buffer) {
  for (std::int64_t r = 0; r < rows; ++r) {
    T* row = buffer + r * row_size;
    const std::int64_t place = first_row + r - f.padding;
    std::memset(row, 0, static_cast<std::size_t>(row_size) * sizeof(T));
    if (place >= 0 && place % f.spread == 0 && place / f.spread < f.height) {
      copy_pixels(source + place / f.spread * f.width * f.channels, f.width, f.channels, f.relu,
                  pixel_size, f.spread, row + f.padding * pixel_size);
    }
  }
}

/// Stores the first `count` lanes.
template <class D, class T>
HWY_INLINE void store(D d, hn::Vec<D> v, std::int64_t count, T* to) {
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, to);
    return;
  }
  alignas(64) T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::StoreU(v, d, lanes);
  std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(T));
}

/// What a row of output pixels is computed from, for one vector of channels.
template <class T>
struct RowTask {
  const T* buffer = nullptr;    ///< first input pixel of the row's first tap
  std::int64_t row_step = 0;    ///< elements between rows of taps: dilation · row_size
  std::int64_t tap_step = 0;    ///< elements between taps of a row: dilation · pixel_size
  std::int64_t pixel_step = 0;  ///< elements between output pixels' windows: stride · pixel_size
  const T* weights = nullptr;   ///< kernel² × weight_step
  std::int64_t weight_step = 0;
  std::int64_t kernel = 3;
  std::int64_t pixels = 0;
  std::int64_t channels = 0;  ///< of the vector that are real
  T* out = nullptr;
  std::int64_t out_step = 0;
  const T* mask = nullptr;  ///< where this is 0 or less the output is 0; null: no mask
};

template <int kPixels, class D, class T>
HWY_INLINE void convolve_pixels(D d, const RowTask<T>& t, std::int64_t pixel) {
  hn::Vec<D> sum[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    sum[p] = hn::Zero(d);
  }
  const T* first = t.buffer + pixel * t.pixel_step;
  const T* weight = t.weights;
  for (std::int64_t kh = 0; kh < t.kernel; ++kh) {
    const T* tap = first + kh * t.row_step;
    for (std::int64_t kw = 0; kw < t.kernel; ++kw, tap += t.tap_step, weight += t.weight_step) {
      const auto w = hn::LoadU(d, weight);
      for (int p = 0; p < kPixels; ++p) {
        sum[p] = hn::MulAdd(hn::LoadU(d, tap + p * t.pixel_step), w, sum[p]);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    const std::int64_t at = (pixel + p) * t.out_step;
    auto v = sum[p];
    if (t.mask != nullptr) {
      // The mask has `channels` real values only; a short one is read by way of a copy.
      alignas(64) T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
      const T* mask = t.mask + at;
      if (t.channels < static_cast<std::int64_t>(hn::Lanes(d))) {
        std::memcpy(lanes, mask, static_cast<std::size_t>(t.channels) * sizeof(T));
        mask = lanes;
      }
      v = hn::IfThenZeroElse(hn::Le(hn::LoadU(d, mask), hn::Zero(d)), v);
    }
    store(d, v, t.channels, t.out + at);
  }
}

template <class D, class T>
HWY_INLINE void convolve_row(D d, const RowTask<T>& t) {
  std::int64_t pixel = 0;
  for (; pixel + 8 <= t.pixels; pixel += 8) {
    convolve_pixels<8>(d, t, pixel);
  }
  for (; pixel + 2 <= t.pixels; pixel += 2) {
    convolve_pixels<2>(d, t, pixel);
  }
  for (; pixel < t.pixels; ++pixel) {
    convolve_pixels<1>(d, t, pixel);
  }
}

/// Calls `work(tag, first channel, real channels)` for whole vectors, then for the rest.
template <class T, class Work>
HWY_INLINE void for_channel_vectors(std::int64_t channels, const Work& work) {
  const hn::ScalableTag<T> full;
  const hn::CappedTag<T, 2 * static_cast<std::size_t>(quarter<T>)> half;
  const hn::CappedTag<T, static_cast<std::size_t>(quarter<T>)> least;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(full));
  std::int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) {
    work(full, c, lanes);
  }
  const std::int64_t rest = channels - c;
  if (rest == 0) {
    return;
  }
  if (rest <= static_cast<std::int64_t>(hn::Lanes(least))) {
    work(least, c, rest);
  } else if (rest <= static_cast<std::int64_t>(hn::Lanes(half))) {
    work(half, c, rest);
  } else {
    work(full, c, rest);
  }
}

/// Rows of output for which the buffer stays within the second-level cache.
HWY_INLINE std::int64_t band_rows(std::int64_t row_bytes, std::int64_t window, std::int64_t stride,
                                  std::int64_t rows) {
  constexpr std::int64_t budget = 524288;
  const std::int64_t fit = (budget / std::max<std::int64_t>(row_bytes, 1) - window) / stride + 1;
  return std::clamp<std::int64_t>(fit, 1, rows);
}

/// The weights with their channels rounded up to what the vectors read.
template <class T>
std::vector<T> padded_weights(const T* weights, std::int64_t taps, std::int64_t channels,
                              std::int64_t rounded, bool flipped) {
  std::vector<T> padded(static_cast<std::size_t>(taps * rounded));
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const std::int64_t from = flipped ? taps - 1 - tap : tap;
    std::copy_n(weights + from * channels, channels, padded.data() + tap * rounded);
  }
  return padded;
}

/// A stride-s correlation of the padded `source` with `weights`, band by band.
template <class T>
struct Correlation {
  Fill fill;
  std::int64_t padded_height = 0;
  std::int64_t padded_width = 0;
  std::int64_t kernel = 3;
  std::int64_t dilation = 1;
  std::int64_t stride = 1;
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
};

template <class T>
void correlate(const Correlation<T>& k, const T* source, const std::vector<T>& weights,
               const T* mask, T* out, std::vector<T>& buffer) {
  const std::int64_t channels = k.fill.channels;
  const std::int64_t pixel_size = rounded_channels<T>(channels);
  const std::int64_t row_size = k.padded_width * pixel_size;
  const std::int64_t window = k.dilation * (k.kernel - 1) + 1;
  const std::int64_t most_rows =
      band_rows(row_size * static_cast<std::int64_t>(sizeof(T)), window, k.stride, k.out_height);
  buffer.resize(static_cast<std::size_t>(((most_rows - 1) * k.stride + window) * row_size));
  for (std::int64_t first = 0; first < k.out_height; first += most_rows) {
    const std::int64_t rows = std::min(most_rows, k.out_height - first);
    fill(k.fill, source, first * k.stride, (rows - 1) * k.stride + window, row_size, pixel_size,
         buffer.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      for_channel_vectors<T>(channels, [&](auto d, std::int64_t c, std::int64_t count) {
        RowTask<T> t;
        t.buffer = buffer.data() + r * k.stride * row_size + c;
        t.row_step = k.dilation * row_size;
        t.tap_step = k.dilation * pixel_size;
        t.pixel_step = k.stride * pixel_size;
        t.weights = weights.data() + c;
        t.weight_step = pixel_size;
        t.kernel = k.kernel;
        t.pixels = k.out_width;
        t.channels = count;
        const std::int64_t place = (first + r) * k.out_width * channels + c;
        t.out = out + place;
        t.out_step = channels;
        t.mask = mask == nullptr ? nullptr : mask + place;
        convolve_row(d, t);
      });
    }
  }
}

template <class T>
void forward(const DepthwiseShape& s, const T* x, const T* weights, T* y,
             DepthwiseScratch<T>& scratch) {
  Correlation<T> k;
  k.fill = {s.height, s.width, s.channels, s.padding(), 1, s.relu};
  k.padded_height = s.height + 2 * s.padding();
  k.padded_width = s.width + 2 * s.padding();
  k.kernel = s.kernel;
  k.dilation = s.dilation;
  k.stride = s.stride;
  k.out_height = s.out_height();
  k.out_width = s.out_width();
  const auto padded = padded_weights(weights, s.kernel * s.kernel, s.channels,
                                     rounded_channels<T>(s.channels), false);
  correlate<T>(k, x, padded, nullptr, y, scratch.input);
}

/// grad_x: the gradient of the output, spread out by the stride, with the kernel turned around.
template <class T>
void backward_input(const DepthwiseShape& s, const DepthwiseBackward<T>& t,
                    DepthwiseScratch<T>& scratch) {
  Correlation<T> k;
  k.fill = {s.out_height(), s.out_width(), s.channels, s.padding(), s.stride, false};
  k.padded_height = s.height + 2 * s.padding();
  k.padded_width = s.width + 2 * s.padding();
  k.kernel = s.kernel;
  k.dilation = s.dilation;
  k.stride = 1;
  k.out_height = s.height;
  k.out_width = s.width;
  const auto padded = padded_weights(t.weights, s.kernel * s.kernel, s.channels,
                                     rounded_channels<T>(s.channels), true);
  correlate<T>(k, t.grad_y, padded, s.relu ? t.x : nullptr, t.grad_x, scratch.gradient);
}

/// Sums over one row of taps: for each of its kKernel taps, over all pixels of an output row, of
/// input · gradient.
template <int kKernel, class D, class T>
HWY_INLINE void add_tap_row(D d, const T* HWY_RESTRICT input, std::int64_t tap_step,
                            std::int64_t pixel_step, const T* HWY_RESTRICT gradient,
                            std::int64_t gradient_step, std::int64_t pixels, T* HWY_RESTRICT sums,
                            std::int64_t sum_step) {
  hn::Vec<D> even[kKernel];
  hn::Vec<D> odd[kKernel];
  for (int k = 0; k < kKernel; ++k) {
    even[k] = hn::LoadU(d, sums + k * sum_step);
    odd[k] = hn::Zero(d);
  }
  std::int64_t pixel = 0;
  for (; pixel + 2 <= pixels; pixel += 2) {
    const auto g0 = hn::LoadU(d, gradient + pixel * gradient_step);
    const auto g1 = hn::LoadU(d, gradient + (pixel + 1) * gradient_step);
    const T* x = input + pixel * pixel_step;
    for (int k = 0; k < kKernel; ++k) {
      even[k] = hn::MulAdd(hn::LoadU(d, x + k * tap_step), g0, even[k]);
      odd[k] = hn::MulAdd(hn::LoadU(d, x + pixel_step + k * tap_step), g1, odd[k]);
    }
  }
  if (pixel < pixels) {
    const auto g = hn::LoadU(d, gradient + pixel * gradient_step);
    const T* x = input + pixel * pixel_step;
    for (int k = 0; k < kKernel; ++k) {
      even[k] = hn::MulAdd(hn::LoadU(d, x + k * tap_step), g, even[k]);
    }
  }
  for (int k = 0; k < kKernel; ++k) {
    hn::StoreU(hn::Add(even[k], odd[k]), d, sums + k * sum_step);
  }
}

template <int kKernel, class T>
void backward_weights(const DepthwiseShape& s, const DepthwiseBackward<T>& t,
                      DepthwiseScratch<T>& scratch) {
  const std::int64_t pixel_size = rounded_channels<T>(s.channels);
  const std::int64_t row_size = (s.width + 2 * s.padding()) * pixel_size;
  const std::int64_t window = s.dilation * (s.kernel - 1) + 1;
  const std::int64_t gradient_row = s.out_width() * pixel_size;
  const std::int64_t most_rows =
      band_rows(row_size * static_cast<std::int64_t>(sizeof(T)), window, s.stride, s.out_height());
  scratch.input.resize(static_cast<std::size_t>(((most_rows - 1) * s.stride + window) * row_size));
  scratch.gradient.resize(static_cast<std::size_t>(most_rows * gradient_row));
  std::vector<T> sums(static_cast<std::size_t>(s.kernel * s.kernel * pixel_size));
  const Fill input{s.height, s.width, s.channels, s.padding(), 1, s.relu};
  const Fill gradient{s.out_height(), s.out_width(), s.channels, 0, 1, false};
  for (std::int64_t first = 0; first < s.out_height(); first += most_rows) {
    const std::int64_t rows = std::min(most_rows, s.out_height() - first);
    fill(input, t.x, first * s.stride, (rows - 1) * s.stride + window, row_size, pixel_size,
         scratch.input.data());
    fill(gradient, t.grad_y, first, rows, gradient_row, pixel_size, scratch.gradient.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      for_channel_vectors<T>(s.channels, [&](auto d, std::int64_t c, std::int64_t) {
        for (std::int64_t kh = 0; kh < s.kernel; ++kh) {
          add_tap_row<kKernel>(
              d, scratch.input.data() + (r * s.stride + kh * s.dilation) * row_size + c,
              s.dilation * pixel_size, s.stride * pixel_size,
              scratch.gradient.data() + r * gradient_row + c, pixel_size, s.out_width(),
              sums.data() + kh * s.kernel * pixel_size + c, pixel_size);
        }
      });
    }
  }
  for (std::int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
    std::copy_n(sums.data() + tap * pixel_size, s.channels, t.grad_weights + tap * s.channels);
  }
}

template <class T>
void backward(const DepthwiseShape& s, const DepthwiseBackward<T>& t,
              DepthwiseScratch<T>& scratch) {
  if (t.grad_x != nullptr) {
    backward_input(s, t, scratch);
  }
  if (t.grad_weights != nullptr) {
    switch (s.kernel) {
      case 3:
        return backward_weights<3>(s, t, scratch);
      case 5:
        return backward_weights<5>(s, t, scratch);
      default:
        return backward_weights<7>(s, t, scratch);
    }
  }
}

void ForwardFloat(const DepthwiseShape& s, const float* x, const float* weights, float* y,
                  DepthwiseScratch<float>& scratch) {
  forward(s, x, weights, y, scratch);
}
void ForwardDouble(const DepthwiseShape& s, const double* x, const double* weights, double* y,
                   DepthwiseScratch<double>& scratch) {
  forward(s, x, weights, y, scratch);
}
void BackwardFloat(const DepthwiseShape& s, const DepthwiseBackward<float>& t,
                   DepthwiseScratch<float>& scratch) {
  backward(s, t, scratch);
}
void BackwardDouble(const DepthwiseShape& s, const DepthwiseBackward<double>& t,
                    DepthwiseScratch<double>& scratch) {
  backward(s, t, scratch);
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);

void depthwise_forward(const DepthwiseShape& shape, const float* x, const float* weights, float* y,
                       DepthwiseScratch<float>& scratch) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(shape, x, weights, y, scratch);
}
void depthwise_forward(const DepthwiseShape& shape, const double* x, const double* weights,
                       double* y, DepthwiseScratch<double>& scratch) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(shape, x, weights, y, scratch);
}
void depthwise_backward(const DepthwiseShape& shape, const DepthwiseBackward<float>& tensors,
                        DepthwiseScratch<float>& scratch) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(shape, tensors, scratch);
}
void depthwise_backward(const DepthwiseShape& shape, const DepthwiseBackward<double>& tensors,
                        DepthwiseScratch<double>& scratch) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(shape, tensors, scratch);
}

}  // namespace darts::kernels
#endif
