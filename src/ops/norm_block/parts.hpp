#pragma once

#include "images.hpp"
#include "kernels/separable.hpp"
#include "pass.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>

// What the passes through a block share.

namespace darts::norm_block {

/// In the kernels' type, with zeros up to whole vectors behind the last one.
template <class T>
std::vector<T> padded(const std::vector<double>& values) {
  const auto multiple = static_cast<std::size_t>(kernels::channel_multiple<T>());
  // A part of a factorized reduce begins anywhere: its last vector may reach that much further.
  std::vector<T> out(values.size() + 2 * multiple);
  std::transform(values.begin(), values.end(), out.begin(),
                 [](double value) { return static_cast<T>(value); });
  return out;
}

template <class T>
struct PaddedAffine {
  explicit PaddedAffine(const Affine& affine)
      : scale(padded<T>(affine.scale)), shift(padded<T>(affine.shift)) {}
  std::vector<T> scale;
  std::vector<T> shift;
};

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

inline std::int64_t tensor_bytes(const std::vector<at::Tensor>& tensors) {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) {
    bytes += static_cast<std::int64_t>(tensor.nbytes());
  }
  return bytes;
}

inline const at::Tensor& input_of(const NormBlockPass& pass, std::size_t unit) {
  return unit == 0 ? pass.x : pass.z[unit - 1];
}

/// What makes the input of a unit of the batch norm's input before it.
template <class T>
std::optional<PaddedAffine<T>> affine_before(const NormBlockPass& pass, std::size_t unit) {
  if (unit == 0) {
    return std::nullopt;
  }
  return PaddedAffine<T>(affine_of(pass.statistics[unit - 1], *pass.units[unit - 1].norm));
}

template <class T>
kernels::UnitInput<T> input_with(const kernels::Pixels<const T>& x,
                                 const std::optional<PaddedAffine<T>>& affine) {
  return {x, affine ? affine->scale.data() : nullptr, affine ? affine->shift.data() : nullptr};
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
