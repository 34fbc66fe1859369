// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// Units with a depthwise convolution. Goes through an image in blocks of rows, as the forward pass
// does.

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
    if (kSums) {
      const auto value = load_first(d, x.data + pixel * x.step + c, channels - c);
      s.plain = hn::Add(s.plain, g);
      s.product = hn::MulAdd(g, value, s.product);
    }
  }
  HWY_INLINE void after(int pixels) const { ahead->template next<T>(pixels); }
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
  Fetchers ahead(t.ahead_x);
  for (std::int64_t y = 0; y < s.height; ++y) {
    const std::int64_t first = y * s.width;
    const ClosedRow<kSums, T> sink{{t.grad_x.data + first * t.grad_x.step, t.grad_x.step},
                                   room.input.pixel(y, 0),
                                   {t.input.x.data + first * t.input.x.step, t.input.x.step},
                                   s.in_channels,
                                   room.in_step,
                                   t.sums,
                                   t.products,
                                   &ahead};
    transposed_row(separable(s, room), room.middle, t.depthwise, y, s.width, room.row, sink);
  }
}

/// What a block of rows of the output's gradient leads to.
template <class T>
HWY_INLINE void backward_block(const UnitBackward<T>& t, const Room<T>& room, std::int64_t first,
                               std::int64_t count, Fetchers<2>& ahead) {
  const UnitShape& s = t.shape;
  const T* const no_bias = nullptr;
  const std::int64_t width = s.out_width();
  fill_gradient(t, room, first * width, count * width);
  if (t.grad_pointwise != nullptr) {
    fill_block(s, t.input, room, t.depthwise, first, count);
    const Rows<T> block{room.block, room.in_step, count * width, s.in_channels};
    outer_product(block, room.gradient, room.out_step, s.out_channels, t.grad_pointwise);
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const Rows<T> gradient{room.gradient + r * width * room.out_step, room.out_step, width,
                           s.out_channels};
    product(gradient, s.in_channels, t.pointwise_t, no_bias,
            PaddedOutput<T>{room.middle.pixel(first + r, 0), room.in_step}, ahead);
  }
  if (t.grad_depthwise != nullptr) {
    add_depthwise_weights(separable(s, room), room.input, room.middle, first, count,
                          t.grad_depthwise);
  }
}

template <class T>
void backward_image(const UnitBackward<T>& t) {
  const UnitShape& s = t.shape;
  const Room<T> room(s, t.workspace);
  fill_input(s, t.input, room);
  clear_border(room.middle);
  Fetchers ahead(t.ahead_g, t.ahead_z);  // there is time for x later
  const std::int64_t most = block_rows(s.out_height(), s.out_width());
  for (std::int64_t first = 0; first < s.out_height(); first += most) {
    backward_block(t, room, first, std::min(most, s.out_height() - first), ahead);
  }
  if (t.grad_x.data == nullptr) {
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
  if (task.shape.kernel == 1) {
    pointwise_unit_backward(task);
  } else {
    HWY_DYNAMIC_DISPATCH(BackwardFloat)(task);
  }
}
template <>
void unit_backward(const UnitBackward<double>& task) {
  if (task.shape.kernel == 1) {
    pointwise_unit_backward(task);
  } else {
    HWY_DYNAMIC_DISPATCH(BackwardDouble)(task);
  }
}

}  // namespace darts::kernels
#endif
