#pragma once

#include "batch/groups.hpp"
#include "batch/images.hpp"
#include "batch/weights.hpp"
#include "pass.hpp"
#include "phase.hpp"

#include <darts/ops/batch_norm.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>

// What the passes through a block share.

namespace darts::norm_block {

using batch::for_groups;
using batch::GroupSums;
using batch::ImageBatch;
using batch::ImageGroup;
using batch::Moments;
using batch::PackedWeights;
using batch::PaddedAffine;

/// Uninitialised: what a unit makes of images like those.
inline at::Tensor new_images(const at::Tensor& like, const UnitGeometry& geometry) {
  const kernels::UnitShape& s = geometry.shape();
  return at::empty({like.size(0), geometry.out_channels, s.out_height(), s.out_width()},
                   like.options().requires_grad(false), at::MemoryFormat::ChannelsLast);
}

template <class T>
std::int64_t workspace_of(const UnitGeometry& geometry) {
  std::int64_t size = 0;
  for (const kernels::UnitShape& part : geometry.parts) {
    size = std::max(size, kernels::unit_workspace<T>(part));
  }
  return size;
}

inline const at::Tensor& input_of(const NormBlockPass& pass, std::size_t unit) {
  return unit == 0 ? pass.x : pass.z[unit - 1];
}

/// What makes the input of a unit of the batch norm's input before it; empty: there is none.
template <class T>
PaddedAffine<T> affine_before(const NormBlockPass& pass, std::size_t unit) {
  if (unit == 0) {
    return {};
  }
  return PaddedAffine<T>(batch::affine_of(pass.statistics[unit - 1], *pass.units[unit - 1].norm));
}

template <class T>
kernels::UnitInput<T> input_with(const kernels::Pixels<const T>& x, const PaddedAffine<T>& affine) {
  return affine.scale.empty() ? kernels::UnitInput<T>{x}
                              : kernels::UnitInput<T>{x, affine.scale.data(), affine.shift.data()};
}

/// The task's image through all parts of a unit; shape and weights are filled in.
template <class T>
void run_parts(const UnitGeometry& geometry, const PackedWeights<T>& packing,
               const std::vector<T>& weights, kernels::UnitForward<T> task) {
  task.depthwise = weights.data();
  for (std::size_t part = 0; part < geometry.parts.size(); ++part) {
    task.shape = geometry.parts[part];
    task.pointwise = weights.data() + packing.pointwise(part);
    kernels::unit_forward(task);
    const auto pass_by = [&](auto*& values) {
      values += values == nullptr ? 0 : task.shape.out_channels;
    };
    pass_by(task.z.data);
    pass_by(task.bias);
    pass_by(task.addend.data);
    pass_by(task.sums);
    pass_by(task.squares);
  }
}

/// Drop path's factor of an image.
template <class T>
T drop_of(const NormBlockPass& pass, std::int64_t image) {
  const at::Tensor& factors = pass.output.drop_path;
  return factors.defined() ? factors.const_data_ptr<T>()[image] : T(1);
}

/// Values of an image in the kernels' type, times its factor.
template <class T>
void scale_by(T factor, const std::vector<T>& values, std::vector<T>& to) {
  std::transform(values.begin(), values.end(), to.begin(),
                 [factor](T value) { return factor * value; });
}

}  // namespace darts::norm_block
