#include "kernels/normalize.hpp"
#include "parts.hpp"

namespace darts::norm_block {
namespace {

/// A unit whose batch norm with its running statistics is part of its weights.
template <class T>
struct FoldedUnit {
  FoldedUnit(const NormUnit& unit, const UnitGeometry& of) : geometry(of), packing(geometry) {
    const Affine affine = affine_of(running_statistics(*unit.norm), *unit.norm);
    weights = packing.pack(unit, affine.scale);
    bias = padded<T>(affine.shift);
  }

  void run(kernels::UnitForward<T> task) const {
    task.depthwise = weights.data();
    task.bias = bias.data();
    for (std::size_t part = 0; part < geometry.parts.size(); ++part) {
      task.shape = geometry.parts[part];
      task.pointwise = weights.data() + packing.pointwise(part);
      kernels::unit_forward(task);
      task.z.data += task.shape.out_channels;
      task.bias += task.shape.out_channels;
    }
  }
  std::int64_t out_size() const { return geometry.shape().out_pixels() * geometry.out_channels; }

  const UnitGeometry& geometry;
  PackedWeights<T> packing;
  std::vector<T> weights;
  std::vector<T> bias;
};

/// y += addend.
template <class T>
void add_image(const UnitGeometry& geometry, const kernels::Pixels<const T>& addend,
               const kernels::Pixels<T>& y) {
  const std::vector<T> one =
      padded<T>(std::vector<double>(static_cast<std::size_t>(geometry.out_channels), 1.0));
  const std::vector<T> zero(one.size());
  kernels::Normalize<T> task;
  task.pixels = geometry.shape().out_pixels();
  task.channels = geometry.out_channels;
  task.z = {y.data, y.step};
  task.addend = addend;
  task.scale = one.data();
  task.shift = zero.data();
  task.y = y;
  kernels::normalize(task);
}

/// Image by image through all units, so that what lies between them stays in the cache.
template <class T>
at::Tensor forward(const NormBlockPass& pass) {
  const std::vector<UnitGeometry> geometries = geometries_of(pass.units, pass.x);
  std::vector<FoldedUnit<T>> units;
  std::int64_t workspace = 0;
  std::int64_t between = 0;
  for (std::size_t i = 0; i < geometries.size(); ++i) {
    units.emplace_back(pass.units[i], geometries[i]);
    workspace = std::max(workspace, workspace_of<T>(geometries[i]));
    between = std::max(between, units.back().out_size());
  }
  at::Tensor y = new_images(pass.x, geometries.back());
  const ImageBatch<T> x(pass.x);
  const ImageBatch<T> out(y);
  const bool adds = pass.output.addend.defined();
  const ImageBatch<T> addend = adds ? ImageBatch<T>(pass.output.addend) : ImageBatch<T>();
  for_groups<T>(pass.x.size(0), workspace + 2 * between, [&](const ImageGroup& group, T* memory) {
    for (std::int64_t n = group.first; n < group.last; ++n) {
      kernels::UnitForward<T> task;
      task.workspace = memory;
      kernels::Pixels<const T> from = x[n];
      for (std::size_t i = 0; i < units.size(); ++i) {
        const bool last = i + 1 == units.size();
        T* const room = memory + workspace + static_cast<std::int64_t>(i % 2) * between;
        task.input.x = from;
        task.z = last ? out.writable(n) : kernels::Pixels<T>{room, units[i].geometry.out_channels};
        units[i].run(task);
        from = {task.z.data, task.z.step};
      }
      if (adds) {
        add_image(geometries.back(), addend[n], out.writable(n));
      }
    }
  });
  return y;
}

}  // namespace

at::Tensor test_forward(const NormBlockPass& pass) {
  return pass.x.scalar_type() == at::kFloat ? forward<float>(pass) : forward<double>(pass);
}

}  // namespace darts::norm_block
