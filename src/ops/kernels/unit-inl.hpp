// What the passes through a unit share, for one instruction set: the working memory of an image,
// and what the pointwise product reads.

#if defined(DARTS_KERNELS_UNIT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef DARTS_KERNELS_UNIT_INL
#undef DARTS_KERNELS_UNIT_INL
#else
#define DARTS_KERNELS_UNIT_INL
#endif

#include "panels-inl.hpp"
#include "separable-inl.hpp"
#include "tails-inl.hpp"
#include "unit.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// The parts of the working memory.
template <class T>
struct Room {
  Room(const UnitShape& s, T* base)
      : in_step(whole_vectors<T>(s.depth())), out_step(whole_vectors<T>(s.out_channels)) {
    T* next = base;
    if (s.kernel > 1) {
      input = {next, s.height, s.width, in_step, s.padding()};
      next += input.size();
      middle = {next, s.out_height(), s.out_width(), in_step, s.padding()};
      next += middle.size();
      row = next;
      next += s.stride > 1 ? s.width * in_step : 0;
    }
    const std::int64_t pixels = block_rows(s.out_height(), s.out_width()) * s.out_width();
    block = next;
    gradient = block + pixels * in_step;
    product = gradient + pixels * out_step;
    end = product + pixels * in_step;
  }

  std::int64_t in_step;   ///< elements of what the product reads for a pixel, …
  std::int64_t out_step;  ///< … of the output
  // Separable units alone:
  PaddedImage<T> input;   ///< ReLU applied
  PaddedImage<T> middle;  ///< gradient of the depthwise result
  T* row = nullptr;       ///< of pixels of the input, with stride 2
  T* block;               ///< what the pointwise product reads
  T* gradient;            ///< of a block of the output
  T* product;             ///< of a block of the input
  T* end;
};

template <class T>
HWY_INLINE SeparableShape separable(const UnitShape& s, const Room<T>& room) {
  return {s.out_height(), s.out_width(), room.in_step, room.out_step,
          s.kernel,       s.stride,      s.dilation};
}

template <class T>
HWY_INLINE void clear_border(const PaddedImage<T>& image) {
  const std::int64_t margin = image.padding * image.channels;
  std::fill_n(image.data, image.padding * image.row_size(), T(0));
  for (std::int64_t y = 0; y < image.height; ++y) {
    T* const row = image.pixel(y, -image.padding);
    std::fill_n(row, margin, T(0));
    std::fill_n(row + image.row_size() - margin, margin, T(0));
  }
  std::fill_n(image.pixel(image.height, -image.padding), image.padding * image.row_size(), T(0));
}

/// A row of what a unit reads, whole vectors a pixel. In the order of memory, which the processor
/// then fetches ahead.
template <class T>
HWY_INLINE void relu_row(const UnitInput<T>& in, bool relu, const T* x, std::int64_t x_step,
                         std::int64_t pixels, std::int64_t channels, T* to, std::int64_t step) {
  const Tag<T> d;
  const std::int64_t whole = channels / lanes<T>() * lanes<T>();
  const auto transform = [&](Vec<T> v, std::int64_t c) HWY_ATTR {
    const auto value = in.scale == nullptr
                           ? v
                           : hn::MulAdd(v, hn::LoadU(d, in.scale + c), hn::LoadU(d, in.shift + c));
    return relu ? positive_part(value) : value;
  };
  for (std::int64_t p = 0; p < pixels; ++p, x += x_step, to += step) {
    for (std::int64_t c = 0; c < whole; c += lanes<T>()) {
      hn::StoreU(transform(hn::LoadU(d, x + c), c), d, to + c);
    }
    if (whole < channels) {
      hn::StoreU(transform(load_first(d, x + whole, channels - whole), whole), d, to + whole);
    }
  }
}

/// Neighbouring values of what a unit reads.
template <class T>
HWY_INLINE void copy_read(const UnitShape& s, const T* x, std::int64_t count, T* to) {
  const Tag<T> d;
  for (std::int64_t i = 0; i < count; i += lanes<T>()) {
    const auto value = load_first(d, x + i, count - i);
    store_first(s.relu ? positive_part(value) : value, d, to + i, count - i);
  }
}

template <class T>
HWY_INLINE void fill_input(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room) {
  if (s.kernel == 1) {
    return;
  }
  clear_border(room.input);
  for (std::int64_t y = 0; y < s.height; ++y) {
    relu_row(in, s.relu, in.x.data + y * s.width * in.x.step, in.x.step, s.width, s.in_channels,
             room.input.pixel(y, 0), room.in_step);
  }
}

/// Without a depthwise convolution: the pixels of the input that a row of the output sees.
template <class T>
HWY_INLINE void gather_row(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room,
                           std::int64_t row, T* to) {
  const std::int64_t y = row * s.stride + s.offset;
  const std::int64_t inside =
      y < s.height ? std::min(s.out_width(), (s.width - s.offset + s.stride - 1) / s.stride) : 0;
  const T* const x = inside > 0 ? in.x.data + (y * s.width + s.offset) * in.x.step : in.x.data;
  relu_row(in, s.relu, x, s.stride * in.x.step, inside, s.in_channels, to, room.in_step);
  std::fill_n(to + inside * room.in_step, (s.out_width() - inside) * room.in_step, T(0));
}

/// Calls `work(pixel, count, place)` for each row of the window that an output pixel sees: `count`
/// pixels of the image, from `pixel` on, have their channels at `place` of what the product reads.
template <class Work>
HWY_INLINE void for_window(const UnitShape& s, std::int64_t row, std::int64_t column,
                           const Work& work) {
  const std::int64_t top = row * s.stride - s.window / 2;
  const std::int64_t left = column * s.stride - s.window / 2;
  const std::int64_t first = std::max<std::int64_t>(0, -left);
  const std::int64_t count = std::min(s.window, s.width - left) - first;
  for (std::int64_t r = std::max<std::int64_t>(0, -top); r < std::min(s.window, s.height - top);
       ++r) {
    work((top + r) * s.width + left + first, count, (r * s.window + first) * s.in_channels);
  }
}

/// With a window: what the product reads for a row of the output.
template <class T>
HWY_INLINE void gather_windows(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room,
                               std::int64_t row, T* to) {
  const bool dense = in.x.step == s.in_channels;
  std::fill_n(to, s.out_width() * room.in_step, T(0));
  for (std::int64_t i = 0; i < s.out_width(); ++i, to += room.in_step) {
    for_window(s, row, i, [&](std::int64_t pixel, std::int64_t count, std::int64_t place) HWY_ATTR {
      const T* const x = in.x.data + pixel * in.x.step;
      for (std::int64_t p = 0; p < (dense ? 1 : count); ++p) {
        copy_read(s, x + p * in.x.step, (dense ? count : 1) * s.in_channels,
                  to + place + p * s.in_channels);
      }
    });
  }
}

/// What the pointwise product reads for `count` rows of the output.
template <class T>
HWY_INLINE void fill_block(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room,
                           const T* depthwise, std::int64_t first, std::int64_t count) {
  if (s.kernel > 1) {
    depthwise_rows(separable(s, room), room.input, depthwise, first, count, room.block);
    return;
  }
  for (std::int64_t r = 0; r < count; ++r) {
    T* const to = room.block + r * s.out_width() * room.in_step;
    if (s.window > 1) {
      gather_windows(s, in, room, first + r, to);
    } else {
      gather_row(s, in, room, first + r, to);
    }
  }
}

/// a·g + b·z + c for a block of pixels, zeros behind the channels.
template <class T>
HWY_INLINE void fill_gradient(const UnitBackward<T>& t, const Room<T>& room, std::int64_t first,
                              std::int64_t pixels) {
  const Tag<T> d;
  const std::int64_t channels = t.shape.out_channels;
  for (std::int64_t k = 0; k < channels; k += lanes<T>()) {
    const auto a = hn::LoadU(d, t.a + k);
    const auto b = hn::LoadU(d, t.b + k);
    const auto c = hn::LoadU(d, t.c + k);
    const T* const g = t.g.data + first * t.g.step + k;
    const T* const z = t.z.data + first * t.z.step + k;
    for (std::int64_t p = 0; p < pixels; ++p) {
      const auto gradient = load_first(d, g + p * t.g.step, channels - k);
      const auto value = load_first(d, z + p * t.z.step, channels - k);
      hn::StoreU(hn::MulAdd(a, gradient, hn::MulAdd(b, value, c)), d,
                 room.gradient + p * room.out_step + k);
    }
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
