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
      : in_step(whole_vectors<T>(s.in_channels)), out_step(whole_vectors<T>(s.out_channels)) {
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

  std::int64_t in_step;   ///< elements of a pixel of the input, …
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

/// A row of relu(scale · x + shift), whole vectors a pixel. In the order of memory, which the
/// processor then fetches ahead.
template <class T>
HWY_INLINE void relu_row(const UnitInput<T>& in, const T* x, std::int64_t x_step,
                         std::int64_t pixels, std::int64_t channels, T* to, std::int64_t step) {
  const Tag<T> d;
  const std::int64_t whole = channels / lanes<T>() * lanes<T>();
  const auto transform = [&](Vec<T> v, std::int64_t c) HWY_ATTR {
    return positive_part(in.scale == nullptr ? v
                                             : hn::MulAdd(v, hn::LoadU(d, in.scale + c),
                                                          hn::LoadU(d, in.shift + c)));
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

template <class T>
HWY_INLINE void fill_input(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room) {
  if (s.kernel == 1) {
    return;
  }
  clear_border(room.input);
  for (std::int64_t y = 0; y < s.height; ++y) {
    relu_row(in, in.x.data + y * s.width * in.x.step, in.x.step, s.width, s.in_channels,
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
  relu_row(in, x, s.stride * in.x.step, inside, s.in_channels, to, room.in_step);
  std::fill_n(to + inside * room.in_step, (s.out_width() - inside) * room.in_step, T(0));
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
    gather_row(s, in, room, first + r, room.block + r * s.out_width() * room.in_step);
  }
}

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
