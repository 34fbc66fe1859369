// Sizes and places that depend on the instruction set that is chosen at run time.

#include "unit.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/unit_sizes.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "unit-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

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
}  // namespace darts::kernels
#endif
