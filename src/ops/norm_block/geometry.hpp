#pragma once

#include "kernels/unit.hpp"

#include <darts/ops/norm_block.hpp>

namespace darts::norm_block {

/// The parts of a unit's pointwise convolution: one, or the two halves of a factorized reduce.
struct UnitGeometry {
  UnitGeometry(const NormUnit& unit, std::int64_t height, std::int64_t width);

  std::vector<kernels::UnitShape> parts;
  std::int64_t out_channels = 0;

  const kernels::UnitShape& shape() const { return parts.front(); }
  /// Of all parts, an image.
  std::int64_t multiply_adds() const;
};

/// Geometry of all units for inputs of this size, or like x.
std::vector<UnitGeometry> geometries_of(const std::vector<NormUnit>& units, std::int64_t height,
                                        std::int64_t width);
std::vector<UnitGeometry> geometries_of(const std::vector<NormUnit>& units, const at::Tensor& x);

/// Whether there are kernels for a unit's convolutions and its batch norm.
bool has_kernels(const NormUnit& unit);

}  // namespace darts::norm_block
