#include "folded.hpp"

#include "parts.hpp"

#include <algorithm>
#include <numeric>

namespace darts::norm_block {

template <class T>
FoldedUnit<T>::FoldedUnit(const NormUnit& unit, const UnitGeometry& of)
    : geometry(of), packing(unit) {
  const batch::Affine affine = batch::affine_of(batch::running_statistics(*unit.norm), *unit.norm);
  weights = packing.pack(affine.scale);
  bias = batch::padded<T>(affine.shift);
}

template <class T>
void FoldedUnit<T>::run(kernels::UnitForward<T> task) const {
  task.bias = bias.data();
  run_parts(geometry, packing, weights, task);
}

template <class T>
FoldedBlock<T>::FoldedBlock(const std::vector<NormUnit>& units, std::int64_t height,
                            std::int64_t width)
    : geometries_(geometries_of(units, height, width)) {
  units_.reserve(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const UnitGeometry& geometry = geometries_[i];
    units_.emplace_back(units[i], geometry);
    workspace_ = std::max(workspace_, workspace_of<T>(geometry));
    if (i + 1 < units.size()) {
      between_ = std::max(between_, geometry.shape().out_pixels() * geometry.out_channels);
    }
  }
}

template <class T>
std::int64_t FoldedBlock<T>::multiply_adds() const {
  return std::accumulate(geometries_.begin(), geometries_.end(), std::int64_t{0},
                         [](std::int64_t sum, const UnitGeometry& geometry) {
                           return sum + geometry.multiply_adds();
                         });
}

template <class T>
void FoldedBlock<T>::run(const kernels::Pixels<const T>& x, const kernels::Pixels<const T>& addend,
                         const kernels::Pixels<T>& y, T* memory) const {
  kernels::UnitForward<T> task;
  task.workspace = memory;
  task.input.x = x;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (i + 1 == units_.size()) {
      task.z = y;
      task.addend = addend;
    } else {
      task.z = {memory + workspace_ + static_cast<std::int64_t>(i % 2) * between_,
                units_[i].geometry.out_channels};
    }
    units_[i].run(task);
    task.input.x = {task.z.data, task.z.step};
  }
}

template struct FoldedUnit<float>;
template struct FoldedUnit<double>;
template class FoldedBlock<float>;
template class FoldedBlock<double>;

}  // namespace darts::norm_block
