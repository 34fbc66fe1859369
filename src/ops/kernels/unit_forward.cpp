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
  const std::int64_t most = block_rows(s.out_height(), s.out_width());
  for (std::int64_t first = 0; first < s.out_height(); first += most) {
    const std::int64_t count = std::min(most, s.out_height() - first);
    fill_block(s, t.input, room, t.depthwise, first, count);
    const Rows<T> rows{room.block, room.in_step, count * s.out_width(), s.depth()};
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

template <class T>
std::int64_t workspace_of(const UnitShape& s) {
  T* const none = nullptr;
  const Room<T> sizes(s, none);
  return sizes.end - none;
}

void ForwardFloat(const UnitForward<float>& t) { forward_image(t); }
void ForwardDouble(const UnitForward<double>& t) { forward_image(t); }
std::int64_t WorkspaceFloat(const UnitShape& s) { return workspace_of<float>(s); }
std::int64_t WorkspaceDouble(const UnitShape& s) { return workspace_of<double>(s); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {

HWY_EXPORT(ForwardFloat);
HWY_EXPORT(ForwardDouble);
HWY_EXPORT(WorkspaceFloat);
HWY_EXPORT(WorkspaceDouble);

template <>
void unit_forward(const UnitForward<float>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardFloat)(task);
}
template <>
void unit_forward(const UnitForward<double>& task) {
  HWY_DYNAMIC_DISPATCH(ForwardDouble)(task);
}

template <>
std::int64_t unit_workspace<float>(const UnitShape& shape) {
  return HWY_DYNAMIC_DISPATCH(WorkspaceFloat)(shape);
}
template <>
std::int64_t unit_workspace<double>(const UnitShape& shape) {
  return HWY_DYNAMIC_DISPATCH(WorkspaceDouble)(shape);
}

}  // namespace darts::kernels
#endif
