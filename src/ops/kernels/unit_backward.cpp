// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// Goes through an image in blocks of rows, as the forward pass does.

#include "unit.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unit_backward.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "unit-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

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
  Fetchers<1>* ahead;

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
    prepare_store(to.data + pixel * to.step + c);
    ahead->next<T>();
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
  Fetchers ahead(t.ahead_x);
  for (std::int64_t y = 0; y < s.height; ++y) {
    r.input = room.spread.pixel(y - s.padding(), -s.padding());
    const std::int64_t row = y * s.width;
    const ClosedRow<kSums, T> sink{{t.grad_x.data + row * t.grad_x.step, t.grad_x.step},
                                   room.input.pixel(y, 0),
                                   {t.input.x.data + row * t.input.x.step, t.input.x.step},
                                   s.in_channels,
                                   room.in_step,
                                   t.sums,
                                   t.products,
                                   &ahead};
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
                               std::int64_t count, Fetchers<3>& ahead) {
  const UnitShape& s = t.shape;
  const T* const no_bias = nullptr;
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
      product(gradient, s.in_channels, t.pointwise_t, no_bias,
              PaddedOutput<T>{room.product, room.in_step}, ahead);
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
    product(gradient, s.in_channels, t.pointwise_t, no_bias,
            PaddedOutput<T>{room.spread.pixel((first + r) * s.stride, 0), s.stride * room.in_step},
            ahead);
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
  // With a depthwise convolution there is time for x later.
  Fetchers ahead(t.ahead_g, t.ahead_z, s.kernel == 1 ? t.ahead_x : Ahead{});
  for (std::int64_t first = 0; first < s.out_height(); first += block_rows(s)) {
    backward_block(t, room, first, std::min(block_rows(s), s.out_height() - first), ahead);
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

void BackwardFloat(const UnitBackward<float>& t) { backward_image(t); }
void BackwardDouble(const UnitBackward<double>& t) { backward_image(t); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(BackwardFloat);
HWY_EXPORT(BackwardDouble);

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
