// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// Units without a depthwise convolution. Goes through an image in blocks of rows, as the forward
// pass does.

#include "unit.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unit_backward_pointwise.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "unit-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

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
      const auto g = hn::LoadU(d, from + i * room.in_step + c);
      store_first(s.relu ? hn::IfThenElseZero(open, g) : g, d, to + c, s.in_channels - c);
    }
  }
}

/// With a window: a row of products to the pixels that it comes from, added up.
template <class T>
HWY_INLINE void scatter_windows(const UnitBackward<T>& t, const Room<T>& room, std::int64_t row,
                                const T* from, const T* mask) {
  const Tag<T> d;
  const UnitShape& s = t.shape;
  const auto add = [&](const T* products, const T* read, T* to) HWY_ATTR {
    for (std::int64_t c = 0; c < s.in_channels; c += lanes<T>()) {
      const std::int64_t left = s.in_channels - c;
      const auto open = hn::Gt(load_first(d, read + c, left), hn::Zero(d));
      const auto g = load_first(d, products + c, left);
      store_first(hn::Add(load_first(d, to + c, left), s.relu ? hn::IfThenElseZero(open, g) : g), d,
                  to + c, left);
    }
  };
  for (std::int64_t i = 0; i < s.out_width(); ++i, from += room.in_step, mask += room.in_step) {
    for_window(s, row, i, [&](std::int64_t pixel, std::int64_t count, std::int64_t place) HWY_ATTR {
      for (std::int64_t p = 0; p < count; ++p, place += s.in_channels) {
        add(from + place, mask + place, t.grad_x.data + (pixel + p) * t.grad_x.step);
      }
    });
  }
}

/// The block's gradient back to the pixels that the product reads.
template <class T>
HWY_INLINE void pointwise_backward(const UnitBackward<T>& t, const Room<T>& room,
                                   std::int64_t first, std::int64_t count, Fetchers<3>& ahead) {
  const UnitShape& s = t.shape;
  const T* const no_bias = nullptr;
  const std::int64_t width = s.out_width();
  const Rows<T> gradient{room.gradient, room.out_step, count * width, s.out_channels};
  product(gradient, s.depth(), t.pointwise_t, no_bias, PaddedOutput<T>{room.product, room.in_step},
          ahead);
  for (std::int64_t r = 0; r < count; ++r) {
    const std::int64_t place = r * width * room.in_step;
    if (s.window > 1) {
      scatter_windows(t, room, first + r, room.product + place, room.block + place);
    } else {
      scatter_row(t, room, first + r, room.product + place, room.block + place);
    }
  }
}

/// What a block of rows of the output's gradient leads to.
template <class T>
HWY_INLINE void pointwise_block(const UnitBackward<T>& t, const Room<T>& room, std::int64_t first,
                                std::int64_t count, Fetchers<3>& ahead) {
  const UnitShape& s = t.shape;
  const std::int64_t width = s.out_width();
  fill_gradient(t, room, first * width, count * width);
  fill_block(s, t.input, room, t.depthwise, first, count);
  if (t.grad_pointwise != nullptr) {
    const Rows<T> block{room.block, room.in_step, count * width, s.depth()};
    outer_product(block, room.gradient, room.out_step, s.out_channels, t.grad_pointwise);
  }
  if (t.grad_x.data != nullptr) {
    pointwise_backward(t, room, first, count, ahead);
  }
}

template <class T>
void pointwise_image(const UnitBackward<T>& t) {
  const UnitShape& s = t.shape;
  const Room<T> room(s, t.workspace);
  Fetchers ahead(t.ahead_g, t.ahead_z, t.ahead_x);
  const std::int64_t most = block_rows(s.out_height(), s.out_width());
  for (std::int64_t first = 0; first < s.out_height(); first += most) {
    pointwise_block(t, room, first, std::min(most, s.out_height() - first), ahead);
  }
}

void PointwiseBackwardFloat(const UnitBackward<float>& t) { pointwise_image(t); }
void PointwiseBackwardDouble(const UnitBackward<double>& t) { pointwise_image(t); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(PointwiseBackwardFloat);
HWY_EXPORT(PointwiseBackwardDouble);

template <>
void pointwise_unit_backward(const UnitBackward<float>& task) {
  HWY_DYNAMIC_DISPATCH(PointwiseBackwardFloat)(task);
}
template <>
void pointwise_unit_backward(const UnitBackward<double>& task) {
  HWY_DYNAMIC_DISPATCH(PointwiseBackwardDouble)(task);
}

}  // namespace darts::kernels
#endif
