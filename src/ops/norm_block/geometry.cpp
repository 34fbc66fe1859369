#include "geometry.hpp"

namespace darts::norm_block {

UnitGeometry::UnitGeometry(const NormUnit& unit, std::int64_t height, std::int64_t width) {
  for (const at::Tensor& pointwise : unit.pointwise) {
    kernels::UnitShape shape;
    shape.height = height;
    shape.width = width;
    shape.window = unit.window;
    shape.relu = unit.relu;
    shape.in_channels = pointwise.size(1) / (unit.window * unit.window);
    shape.out_channels = pointwise.size(0);
    shape.kernel = unit.depthwise.defined() ? unit.depthwise.size(2) : 1;
    shape.stride = unit.stride;
    shape.dilation = unit.dilation;
    shape.offset = static_cast<std::int64_t>(parts.size());
    out_channels += shape.out_channels;
    parts.push_back(shape);
  }
}

std::int64_t UnitGeometry::multiply_adds() const {
  const kernels::UnitShape& s = shape();
  const std::int64_t taps = s.kernel > 1 ? s.kernel * s.kernel : 0;
  return s.out_pixels() * (s.in_channels * taps + s.depth() * out_channels);
}

std::vector<UnitGeometry> geometries_of(const std::vector<NormUnit>& units, std::int64_t height,
                                        std::int64_t width) {
  std::vector<UnitGeometry> geometries;
  for (const NormUnit& unit : units) {
    geometries.emplace_back(unit, height, width);
    height = geometries.back().shape().out_height();
    width = geometries.back().shape().out_width();
  }
  return geometries;
}

std::vector<UnitGeometry> geometries_of(const std::vector<NormUnit>& units, const at::Tensor& x) {
  return geometries_of(units, x.size(2), x.size(3));
}

bool has_kernels(const NormUnit& unit) {
  const at::Tensor& depthwise = unit.depthwise;
  const bool of_known_size =
      !depthwise.defined() ||
      (depthwise.size(2) == depthwise.size(3) &&
       (depthwise.size(2) == 3 || depthwise.size(2) == 5 || depthwise.size(2) == 7));
  const bool reads_well = unit.window == 1 || (!depthwise.defined() && unit.window % 2 == 1 &&
                                               unit.pointwise.size() == 1);
  return of_known_size && reads_well && (unit.relu || !depthwise.defined()) && unit.stride <= 2 &&
         unit.norm->running_mean.defined();
}

}  // namespace darts::norm_block
