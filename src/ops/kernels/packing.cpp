// The panels' widths, and with them all places, depend on the instruction set that is chosen at run
// time.

#include "packing.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packing.cpp"
#include <hwy/foreach_target.h>

// clang-format off: after foreach_target.h, which includes this file once a target
#include "panels-inl.hpp"
// clang-format on

#ifndef DARTS_KERNELS_PACKING_PANEL
#define DARTS_KERNELS_PACKING_PANEL
namespace darts::kernels {

struct Panel {
  std::int64_t first_column;
  std::int64_t width;
};

}  // namespace darts::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace darts::kernels::HWY_NAMESPACE {

/// The panel of a column.
template <class T>
Panel panel_of(std::int64_t columns, std::int64_t column) {
  Panel panel{0, panel_width<T>(columns)};
  while (column >= panel.first_column + panel.width) {
    panel.first_column += panel.width;
    panel.width = panel_width<T>(columns - panel.first_column);
  }
  return panel;
}

Panel PanelFloat(std::int64_t columns, std::int64_t column) {
  return panel_of<float>(columns, column);
}
Panel PanelDouble(std::int64_t columns, std::int64_t column) {
  return panel_of<double>(columns, column);
}
std::int64_t LanesFloat() { return lanes<float>(); }
std::int64_t LanesDouble() { return lanes<double>(); }

}  // namespace darts::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace darts::kernels {
namespace {

HWY_EXPORT(PanelFloat);
HWY_EXPORT(PanelDouble);
HWY_EXPORT(LanesFloat);
HWY_EXPORT(LanesDouble);

template <class T>
Panel panel_of(std::int64_t columns, std::int64_t column) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return HWY_DYNAMIC_DISPATCH(PanelFloat)(columns, column);
  } else {
    return HWY_DYNAMIC_DISPATCH(PanelDouble)(columns, column);
  }
}

/// Row r of a column lies at first + r · step.
struct Column {
  std::int64_t first;
  std::int64_t step;
};

template <class T>
Column column_of(const PackedBlock& block, std::int64_t column) {
  const Panel panel = panel_of<T>(block.columns, column);
  return {
      panel.first_column * block.rows + block.first_row * panel.width + column - panel.first_column,
      panel.width};
}

/// Calls action(column, row, place in the packed matrix) for all columns and rows of a block.
template <class T, class Action>
void for_each_place(const PackedBlock& block, std::int64_t columns, std::int64_t rows,
                    const Action& action) {
  for (std::int64_t c = 0; c < columns; ++c) {
    const Column column = column_of<T>(block, block.first_column + c);
    for (std::int64_t r = 0; r < rows; ++r) {
      action(c, r, column.first + r * column.step);
    }
  }
}

}  // namespace

template <>
std::int64_t channel_multiple<float>() {
  return HWY_DYNAMIC_DISPATCH(LanesFloat)();
}
template <>
std::int64_t channel_multiple<double>() {
  return HWY_DYNAMIC_DISPATCH(LanesDouble)();
}

template <class T>
void pack_depthwise(const T* weight, std::int64_t channels, std::int64_t taps, std::int64_t padded,
                    T* packed) {
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      packed[tap * padded + c] = *weight++;
    }
  }
}

template <class T>
void unpack_depthwise(const T* packed, std::int64_t channels, std::int64_t taps,
                      std::int64_t padded, T* weight) {
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      *weight++ = packed[tap * padded + c];
    }
  }
}

template <class T>
std::int64_t packed_size(std::int64_t rows, std::int64_t columns) {
  const Panel last = panel_of<T>(columns, columns - 1);
  return rows * (last.first_column + last.width);
}

template <class T>
void pack_pointwise(const T* weight, std::int64_t outputs, std::int64_t inputs,
                    const PackedBlock& block, T* packed) {
  for_each_place<T>(block, outputs, inputs, [&](std::int64_t o, std::int64_t i, std::int64_t at) {
    packed[at] = weight[o * inputs + i];
  });
}

template <class T>
void unpack_pointwise(const T* packed, const PackedBlock& block, std::int64_t outputs,
                      std::int64_t inputs, T* weight) {
  for_each_place<T>(block, outputs, inputs, [&](std::int64_t o, std::int64_t i, std::int64_t at) {
    weight[o * inputs + i] = packed[at];
  });
}

template <class T>
void pack_transposed(const T* weight, std::int64_t outputs, std::int64_t inputs,
                     const PackedBlock& block, T* packed) {
  for_each_place<T>(block, inputs, outputs, [&](std::int64_t i, std::int64_t o, std::int64_t at) {
    packed[at] = weight[o * inputs + i];
  });
}

template void pack_depthwise(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void pack_depthwise(const double*, std::int64_t, std::int64_t, std::int64_t, double*);
template void unpack_depthwise(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void unpack_depthwise(const double*, std::int64_t, std::int64_t, std::int64_t, double*);
template std::int64_t packed_size<float>(std::int64_t, std::int64_t);
template std::int64_t packed_size<double>(std::int64_t, std::int64_t);
template void pack_pointwise(const float*, std::int64_t, std::int64_t, const PackedBlock&, float*);
template void pack_pointwise(const double*, std::int64_t, std::int64_t, const PackedBlock&,
                             double*);
template void unpack_pointwise(const float*, const PackedBlock&, std::int64_t, std::int64_t,
                               float*);
template void unpack_pointwise(const double*, const PackedBlock&, std::int64_t, std::int64_t,
                               double*);
template void pack_transposed(const float*, std::int64_t, std::int64_t, const PackedBlock&, float*);
template void pack_transposed(const double*, std::int64_t, std::int64_t, const PackedBlock&,
                              double*);

}  // namespace darts::kernels
#endif
