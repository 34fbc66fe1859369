#include "kernels/normalize.hpp"
#include "parts.hpp"

namespace darts::norm_block {
namespace {

/// The next unit: the input of its batch norm, and its statistics.
template <class T>
void convolve(NormBlockPass& pass, const UnitGeometry& geometry) {
  const std::size_t unit = pass.z.size();
  const std::int64_t images = pass.x.size(0);
  const PackedWeights<T> packing(pass.units[unit]);
  const std::vector<T> weights = packing.pack();
  const PaddedAffine<T> affine = affine_before<T>(pass, unit);
  const ImageBatch<T> x(input_of(pass, unit));
  at::Tensor z = new_images(pass.x, geometry);
  const ImageBatch<T> out(z);
  GroupSums<double> sums(images, 2 * geometry.out_channels);
  const Phase phase("block: convolution",
                    {images * geometry.multiply_adds(), bytes_of({input_of(pass, unit), z})});
  for_groups<T>(images, workspace_of<T>(geometry), [&](const ImageGroup& group, T* workspace) {
    kernels::UnitForward<T> task;
    task.workspace = workspace;
    double* const group_sums = sums.begin(group);
    for (std::int64_t n = group.first; n < group.last; ++n) {
      task.input = input_with(x[n], affine);
      task.z = out.writable(n);
      task.ahead = x.ahead(n + 1);
      task.sums = group_sums;
      task.squares = task.sums + geometry.out_channels;
      run_parts(geometry, packing, weights, task);
    }
  });
  std::vector<double> total = sums.total();
  torch::nn::BatchNorm2dImpl& norm = *pass.units[unit].norm;
  const std::int64_t rows = add_up(shared_batch_of(norm), total, images);
  pass.statistics.push_back(
      batch::take_statistics({total.data(), total.data() + geometry.out_channels},
                             rows * geometry.shape().out_pixels(), norm));
  pass.z.push_back(z);
}

/// addend + drop_path · batch norm(z).
template <class T>
at::Tensor output(const NormBlockPass& pass, const UnitGeometry& geometry) {
  const at::Tensor& last = pass.z.back();
  const PaddedAffine<T> affine(batch::affine_of(pass.statistics.back(), *pass.units.back().norm));
  const bool adds = pass.output.addend.defined();
  const ImageBatch<T> z(last);
  const ImageBatch<T> addend = adds ? ImageBatch<T>(pass.output.addend) : ImageBatch<T>();
  at::Tensor y = new_images(last, geometry);
  const Phase phase("block: batch norm and sum", {last.numel(), bytes_of({last, y})});
  const ImageBatch<T> out(y);
  for_groups<T>(last.size(0), 0, [&](const ImageGroup& group, T*) {
    std::vector<T> scale(affine.scale.size());
    std::vector<T> shift(affine.shift.size());
    kernels::Normalize<T> task;
    task.pixels = last.size(2) * last.size(3);
    task.channels = last.size(1);
    task.scale = scale.data();
    task.shift = shift.data();
    for (std::int64_t n = group.first; n < group.last; ++n) {
      scale_by(drop_of<T>(pass, n), affine.scale, scale);
      scale_by(drop_of<T>(pass, n), affine.shift, shift);
      task.z = z[n];
      task.addend = adds ? addend[n] : kernels::Pixels<const T>{};
      task.y = out.writable(n);
      kernels::normalize(task);
    }
  });
  return y;
}

template <class T>
at::Tensor forward(NormBlockPass& pass) {
  const std::vector<UnitGeometry> geometries = geometries_of(pass.units, pass.x);
  for (const UnitGeometry& geometry : geometries) {
    convolve<T>(pass, geometry);
  }
  return output<T>(pass, geometries.back());
}

}  // namespace

at::Tensor train_forward(NormBlockPass& pass) {
  return pass.x.scalar_type() == at::kFloat ? forward<float>(pass) : forward<double>(pass);
}

}  // namespace darts::norm_block
