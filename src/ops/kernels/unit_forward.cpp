// Compiled once for every instruction set that Highway knows; the best one is chosen at run time.
//
// An image is worked on in blocks of rows: what the pointwise product reads (the depthwise result,
// or the input's pixels through the ReLU) is gathered in the first-level cache; sums for the batch
// norm are taken from registers before the product is stored.

#include "unit.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unit_forward.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "unit-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

template <class T>
void forward_image(const UnitForward<T>& t) {
  const UnitShape& s = t.shape;
  const Room<T> room(s, t.workspace);
  Fetchers ahead(t.ahead);
  Fetchers<0> nothing;
  fill_input(s, t.input, room);
  for (std::int64_t first = 0; first < s.out_height(); first += block_rows(s)) {
    const std::int64_t count = std::min(block_rows(s), s.out_height() - first);
    fill_block(s, t.input, room, t.depthwise, first, count);
    const Rows<T> rows{room.block, room.in_step, count * s.out_width(), s.in_channels};
    const std::int64_t pixel = first * s.out_width();
    T* const out = t.z.data + pixel * t.z.step;
    if (t.sums != nullptr) {
      product(rows, s.out_channels, t.pointwise, t.bias,
              MomentOutput<T>{out, t.z.step, s.out_channels, t.sums, t.squares}, ahead);
    } else if (t.addend.data != nullptr) {
      product(rows, s.out_channels, t.pointwise, t.bias,
              AddOutput<true, T>{out, t.z.step, s.out_channels,
                                 t.addend.data + pixel * t.addend.step, t.addend.step},
              nothing);
    } else {
      product(rows, s.out_channels, t.pointwise, t.bias,
              AddOutput<false, T>{out, t.z.step, s.out_channels, nullptr, 0}, nothing);
    }
  }
}

void ForwardFloat(const UnitForward<float>& t) { forward_image(t); }
void ForwardDouble(const UnitForward<double>& t) { forward_image(t); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);

template <>
void unit_forward(const UnitForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void unit_forward(const UnitForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}

}  // namespace darts::kernels
#endif
