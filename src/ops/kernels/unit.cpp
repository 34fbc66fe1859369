// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// An image is worked on in blocks of rows: what the pointwise product reads (the depthwise result,
// or the input's pixels through the ReLU) is gathered in the first-level cache; sums for the batch
// norm are taken from registers before the product is stored. The backward pass goes the same way.

#include "unit.hpp"

#include "separable.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unit.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "depthwise-inl.hpp"
#include "panels-inl.hpp"
#include "tails-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// Rows that are worked on at a time: enough pixels for the sums over them to stay in registers.
HWY_INLINE std::int64_t block_rows(const UnitShape& s) {
  constexpr std::int64_t pixels = 64;
  return std::clamp<std::int64_t>(pixels / s.out_width(), 1, s.out_height());
}

/// The parts of the working memory.
template <class T>
struct Room {
  Room(const UnitShape& s, T* base)
      : in_step(whole_vectors<T>(s.in_channels)), out_step(whole_vectors<T>(s.out_channels)) {
    const bool separable = s.kernel > 1;
    input = {base, s.height, s.width, in_step, s.padding()};
    T* next = base + (separable ? input.size() : 0);
    spread = {next, s.height, s.width, in_step, s.padding()};
    next += separable ? spread.size() : 0;
    const std::int64_t pixels = block_rows(s) * s.out_width();
    block = next;
    gradient = block + pixels * in_step;
    product = gradient + pixels * out_step;
    end = product + pixels * in_step;
  }

  std::int64_t in_step;   ///< elements of a pixel of the input, …
  std::int64_t out_step;  ///< … of the output
  PaddedImage<T> input;   ///< ReLU applied; separable units alone
  PaddedImage<T> spread;  ///< gradient of the depthwise result, spread out by the stride
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

/// A row of relu(scale · x + shift), whole vectors a pixel.
template <class T>
HWY_INLINE void relu_row(const UnitInput<T>& in, const T* x, std::int64_t x_step,
                         std::int64_t pixels, std::int64_t channels, T* to, std::int64_t step) {
  const Tag<T> d;
  const auto zero = hn::Zero(d);
  for (std::int64_t c = 0; c < channels; c += lanes<T>()) {
    const auto factor = in.scale == nullptr ? hn::Set(d, T(1)) : hn::LoadU(d, in.scale + c);
    const auto offset = in.scale == nullptr ? zero : hn::LoadU(d, in.shift + c);
    for (std::int64_t p = 0; p < pixels; ++p) {
      const auto v = load_first(d, x + p * x_step + c, channels - c);
      const auto y = hn::MulAdd(v, factor, offset);
      hn::StoreU(hn::IfThenZeroElse(hn::Lt(y, zero), y), d, to + p * step + c);  // NaN stays
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

template <class T>
HWY_INLINE DepthwiseRow<T> row_of_input(const UnitShape& s, const Room<T>& room, const T* weights,
                                        std::int64_t row) {
  DepthwiseRow<T> r;
  r.input = room.input.pixel(row * s.stride - s.padding(), -s.padding());
  r.row_step = s.dilation * room.input.row_size();
  r.pixel_size = room.in_step;
  r.weights = weights;
  r.weight_step = room.in_step;
  r.pixels = s.out_width();
  return r;
}

/// Without a depthwise convolution: the pixels of the input that a row of the output sees.
template <class T>
HWY_INLINE void gather_row(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room,
                           std::int64_t row, T* to) {
  const std::int64_t y = row * s.stride + s.offset;
  const std::int64_t inside =
      y < s.height ? std::min(s.out_width(), (s.width - s.offset + s.stride - 1) / s.stride) : 0;
  const T* const x = in.x.data + (y * s.width + s.offset) * in.x.step;
  relu_row(in, x, s.stride * in.x.step, inside, s.in_channels, to, room.in_step);
  std::fill_n(to + inside * room.in_step, (s.out_width() - inside) * room.in_step, T(0));
}

/// What the pointwise product reads for `count` rows of the output.
template <class T>
HWY_INLINE void fill_block(const UnitShape& s, const UnitInput<T>& in, const Room<T>& room,
                           const T* depthwise, std::int64_t first, std::int64_t count) {
  for (std::int64_t r = 0; r < count; ++r) {
    T* const to = room.block + r * s.out_width() * room.in_step;
    if (s.kernel == 1) {
      gather_row(s, in, room, first + r, to);
    } else {
      depthwise_row(separable(s, room), row_of_input(s, room, depthwise, first + r),
                    StoreRow<T>{to, room.in_step});
    }
  }
}

template <class T>
void forward_image(const UnitForward<T>& t) {
  const UnitShape& s = t.shape;
  const Room<T> room(s, t.workspace);
  fill_input(s, t.input, room);
  for (std::int64_t first = 0; first < s.out_height(); first += block_rows(s)) {
    const std::int64_t count = std::min(block_rows(s), s.out_height() - first);
    fill_block(s, t.input, room, t.depthwise, first, count);
    const Rows<T> rows{room.block, room.in_step, count * s.out_width(), s.in_channels};
    T* const out = t.z.data + first * s.out_width() * t.z.step;
    product_with_moments(rows, s.out_channels, t.pointwise, t.bias,
                         MomentOutput<T>{out, t.z.step, t.sums, t.squares});
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

/// Where a row of gradients of the input goes: 0 where the ReLU is closed.
template <bool kSums, class T>
struct ClosedRow {
  Pixels<T> to;
  const T* mask;  ///< the ReLU's values, whole vectors
  Pixels<const T> x;
  std::int64_t channels;
  std::int64_t mask_step;
  double* sums;
  double* products;

  struct Sums {
    Vec<T> plain;
    Vec<T> product;
  };
  HWY_INLINE Sums begin() const { return {hn::Zero(Tag<T>()), hn::Zero(Tag<T>())}; }
  HWY_INLINE void operator()(Vec<T> v, std::int64_t pixel, std::int64_t c, Sums& s) const {
    const Tag<T> d;
    const auto open = hn::Gt(hn::LoadU(d, mask + pixel * mask_step + c), hn::Zero(d));
    const auto g = hn::IfThenElseZero(open, v);
    store_first(g, d, to.data + pixel * to.step + c, channels - c);
    if (kSums) {
      const auto value = load_first(d, x.data + pixel * x.step + c, channels - c);
      s.plain = hn::Add(s.plain, g);
      s.product = hn::MulAdd(g, value, s.product);
    }
  }
  HWY_INLINE void end(const Sums& s, std::int64_t c) const {
    if (kSums) {
      add_first(Tag<T>(), s.plain, sums + c, channels - c);
      add_first(Tag<T>(), s.product, products + c, channels - c);
    }
  }
};

template <bool kSums, class T>
HWY_INLINE void transposed_rows(const UnitBackward<T>& t, const Room<T>& room) {
  const UnitShape& s = t.shape;
  SeparableShape transposed = separable(s, room);
  transposed.stride = 1;
  DepthwiseRow<T> r;
  r.row_step = s.dilation * room.spread.row_size();
  r.pixel_size = room.in_step;
  r.weights = t.depthwise + (s.kernel * s.kernel - 1) * room.in_step;  // the kernel turned around
  r.weight_step = -room.in_step;
  r.pixels = s.width;
  for (std::int64_t y = 0; y < s.height; ++y) {
    r.input = room.spread.pixel(y - s.padding(), -s.padding());
    const std::int64_t row = y * s.width;
    const ClosedRow<kSums, T> sink{{t.grad_x.data + row * t.grad_x.step, t.grad_x.step},
                                   room.input.pixel(y, 0),
                                   {t.input.x.data + row * t.input.x.step, t.input.x.step},
                                   s.in_channels,
                                   room.in_step,
                                   t.sums,
                                   t.products};
    depthwise_row(transposed, r, sink);
  }
}

/// Adds the products of a row of gradients, `stride` pixels apart, with the input to the sums of
/// the depthwise weights: any stride.
template <int kKernel, class T>
HWY_INLINE void strided_weights_row(const UnitShape& s, const Room<T>& room, std::int64_t row,
                                    T* sums) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < room.in_step; c += lanes<T>()) {
    const T* HWY_RESTRICT gradient = room.spread.pixel(row * s.stride, 0) + c;
    for (int kh = 0; kh < kKernel; ++kh) {
      const T* HWY_RESTRICT in =
          room.input.pixel(row * s.stride - s.padding() + kh * s.dilation, -s.padding()) + c;
      T* HWY_RESTRICT to = sums + kh * kKernel * room.in_step + c;
      Vec<T> sum[kKernel];
#pragma GCC unroll 16
      for (int kw = 0; kw < kKernel; ++kw) {
        sum[kw] = hn::LoadU(d, to + kw * room.in_step);
      }
      for (std::int64_t pixel = 0; pixel < s.out_width(); ++pixel) {
        const Vec<T> g = hn::LoadU(d, gradient + pixel * s.stride * room.in_step);
#pragma GCC unroll 16
        for (int kw = 0; kw < kKernel; ++kw) {
          const T* at = in + (pixel * s.stride + kw * s.dilation) * room.in_step;
          sum[kw] = hn::MulAdd(hn::LoadU(d, at), g, sum[kw]);
        }
      }
#pragma GCC unroll 16
      for (int kw = 0; kw < kKernel; ++kw) {
        hn::StoreU(sum[kw], d, to + kw * room.in_step);
      }
    }
  }
}

/// The gradients of the depthwise weights from that of the depthwise result.
template <class T>
HWY_INLINE void depthwise_gradients(const UnitBackward<T>& t, const Room<T>& room,
                                    std::int64_t first, std::int64_t count) {
  const UnitShape& s = t.shape;
  if (t.grad_depthwise == nullptr) {
    return;
  }
  if (s.stride > 1) {
    for (std::int64_t row = first; row < first + count; ++row) {
      s.kernel == 3   ? strided_weights_row<3>(s, room, row, t.grad_depthwise)
      : s.kernel == 5 ? strided_weights_row<5>(s, room, row, t.grad_depthwise)
                      : strided_weights_row<7>(s, room, row, t.grad_depthwise);
    }
    return;
  }
  DepthwiseWeights<T> w;
  w.input = room.input.pixel(first - s.padding(), -s.padding());
  w.row_step = s.dilation * room.input.row_size();
  w.next_row = room.input.row_size();
  w.gradient = room.spread.pixel(first, 0);
  w.next_gradient_row = room.spread.row_size();
  w.channels = room.in_step;
  w.pixels = s.out_width();
  w.rows = count;
  w.sums = t.grad_depthwise;
  depthwise_weights(separable(s, room), w);
}

/// Without a depthwise convolution: a row of products to the pixels that it comes from.
template <class T>
HWY_INLINE void scatter_row(const UnitBackward<T>& t, const Room<T>& room, std::int64_t row,
                            const T* from, const T* mask) {
  const Tag<T> d;
  const UnitShape& s = t.shape;
  const std::int64_t y = row * s.stride + s.offset;
  for (std::int64_t i = 0; i < s.out_width() && y < s.height; ++i) {
    const std::int64_t x = i * s.stride + s.offset;
    if (x >= s.width) {
      break;
    }
    T* const to = t.grad_x.data + (y * s.width + x) * t.grad_x.step;
    for (std::int64_t c = 0; c < s.in_channels; c += lanes<T>()) {
      const auto open = hn::Gt(hn::LoadU(d, mask + i * room.in_step + c), hn::Zero(d));
      const auto g = hn::IfThenElseZero(open, hn::LoadU(d, from + i * room.in_step + c));
      store_first(g, d, to + c, s.in_channels - c);
    }
  }
}

/// What a block of rows of the output's gradient leads to.
template <class T>
HWY_INLINE void backward_block(const UnitBackward<T>& t, const Room<T>& room, std::int64_t first,
                               std::int64_t count) {
  const UnitShape& s = t.shape;
  const std::int64_t width = s.out_width();
  fill_gradient(t, room, first * width, count * width);
  if (t.grad_pointwise != nullptr || s.kernel == 1) {
    fill_block(s, t.input, room, t.depthwise, first, count);
  }
  if (t.grad_pointwise != nullptr) {
    const Rows<T> block{room.block, room.in_step, count * width, s.in_channels};
    outer_product(block, room.gradient, room.out_step, s.out_channels, t.grad_pointwise);
  }
  if (s.kernel == 1) {
    if (t.grad_x.data != nullptr) {
      const Rows<T> gradient{room.gradient, room.out_step, count * width, s.out_channels};
      product(gradient, s.in_channels, t.pointwise_t, room.product, room.in_step);
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t place = r * width * room.in_step;
        scatter_row(t, room, first + r, room.product + place, room.block + place);
      }
    }
    return;
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const Rows<T> gradient{room.gradient + r * width * room.out_step, room.out_step, width,
                           s.out_channels};
    product(gradient, s.in_channels, t.pointwise_t, room.spread.pixel((first + r) * s.stride, 0),
            s.stride * room.in_step);
  }
  depthwise_gradients(t, room, first, count);
}

template <class T>
void backward_image(const UnitBackward<T>& t) {
  const UnitShape& s = t.shape;
  const Room<T> room(s, t.workspace);
  fill_input(s, t.input, room);
  if (s.kernel > 1 && s.stride == 1) {
    clear_border(room.spread);
  } else if (s.kernel > 1) {
    std::fill_n(room.spread.data, room.spread.size(), T(0));
  }
  for (std::int64_t first = 0; first < s.out_height(); first += block_rows(s)) {
    backward_block(t, room, first, std::min(block_rows(s), s.out_height() - first));
  }
  if (s.kernel == 1 || t.grad_x.data == nullptr) {
    return;
  }
  if (t.sums != nullptr) {
    transposed_rows<true>(t, room);
  } else {
    transposed_rows<false>(t, room);
  }
}

template <class T>
std::int64_t packed_place_of(std::int64_t rows, std::int64_t columns, std::int64_t row,
                             std::int64_t column) {
  std::int64_t c = 0;
  std::int64_t width = panel_width<T>(columns);
  while (column >= c + width) {
    c += width;
    width = panel_width<T>(columns - c);
  }
  return c * rows + row * width + column - c;
}

template <class T>
std::int64_t workspace_of(const UnitShape& s) {
  T* const none = nullptr;
  const Room<T> sizes(s, none);
  return sizes.end - none;
}

void ForwardFloat(const UnitForward<float>& t) { forward_image(t); }
void ForwardDouble(const UnitForward<double>& t) { forward_image(t); }
void BackwardFloat(const UnitBackward<float>& t) { backward_image(t); }
void BackwardDouble(const UnitBackward<double>& t) { backward_image(t); }
std::int64_t ColumnsFloat(std::int64_t channels) { return panel_columns<float>(channels); }
std::int64_t ColumnsDouble(std::int64_t channels) { return panel_columns<double>(channels); }
std::int64_t PlaceFloat(std::int64_t rows, std::int64_t columns, std::int64_t r, std::int64_t c) {
  return packed_place_of<float>(rows, columns, r, c);
}
std::int64_t PlaceDouble(std::int64_t rows, std::int64_t columns, std::int64_t r, std::int64_t c) {
  return packed_place_of<double>(rows, columns, r, c);
}
std::int64_t WorkspaceFloat(const UnitShape& s) { return workspace_of<float>(s); }
std::int64_t WorkspaceDouble(const UnitShape& s) { return workspace_of<double>(s); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);
HWY_EXPORT(ColumnsFloat);
HWY_EXPORT(ColumnsDouble);
HWY_EXPORT(PlaceFloat);
HWY_EXPORT(PlaceDouble);
HWY_EXPORT(WorkspaceFloat);
HWY_EXPORT(WorkspaceDouble);

template <>
std::int64_t packed_size<float>(std::int64_t rows, std::int64_t columns) {
  return rows * HWY_DYNAMIC_DISPATCH(ColumnsFloat)(columns);
}
template <>
std::int64_t packed_size<double>(std::int64_t rows, std::int64_t columns) {
  return rows * HWY_DYNAMIC_DISPATCH(ColumnsDouble)(columns);
}
template <>
std::int64_t packed_place<float>(std::int64_t rows, std::int64_t columns, std::int64_t row,
                                 std::int64_t column) {
  return HWY_DYNAMIC_DISPATCH(PlaceFloat)(rows, columns, row, column);
}
template <>
std::int64_t packed_place<double>(std::int64_t rows, std::int64_t columns, std::int64_t row,
                                  std::int64_t column) {
  return HWY_DYNAMIC_DISPATCH(PlaceDouble)(rows, columns, row, column);
}
template <>
std::int64_t unit_workspace<float>(const UnitShape& shape) {
  return HWY_DYNAMIC_DISPATCH(WorkspaceFloat)(shape);
}
template <>
std::int64_t unit_workspace<double>(const UnitShape& shape) {
  return HWY_DYNAMIC_DISPATCH(WorkspaceDouble)(shape);
}
template <>
void unit_forward(const UnitForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void unit_forward(const UnitForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}
template <>
void unit_backward(const UnitBackward<float>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardFloat)(task);
}
template <>
void unit_backward(const UnitBackward<double>& task) {
  HWY_DYNAMIC_DISPATCH(BackwardDouble)(task);
}

}  // namespace darts::kernels
#endif
