#pragma once

#include "kernels/separable.hpp"
#include "support/golden.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

// Operands of the kernels from tensors, and back. Tests hold values and expected results in
// float64, in the kernels' order of dimensions but without channels that pad; the kernels' own
// tensors are of their type, with the padding.

namespace darts::testing {

template <class T>
constexpr at::ScalarType type_of = std::is_same_v<T, float> ? at::kFloat : at::kDouble;

/// What may be lost to rounding, in parts of the largest value.
template <class T>
constexpr double rounding = std::is_same_v<T, float> ? 5e-6 : 1e-13;

/// Channels with those that pad them, for the instruction set that is chosen now.
template <class T>
std::int64_t padded(std::int64_t channels) {
  const std::int64_t multiple = kernels::channel_multiple<T>();
  return (channels + multiple - 1) / multiple * multiple;
}

/// N(0, 1) in float64 that T can hold.
at::Tensor random_values(at::ScalarType type, at::IntArrayRef shape, std::uint64_t seed);

/// `values` in the corner of zeros of this shape and type.
at::Tensor in_corner(const at::Tensor& values, at::IntArrayRef shape, at::ScalarType type);

/// The last dimension (`dimensions` = 1) or the last two become padded ones.
template <class T>
at::Tensor with_padding(const at::Tensor& values, std::int64_t dimensions = 1) {
  std::vector<std::int64_t> shape = values.sizes().vec();
  for (std::int64_t i = 1; i <= dimensions; ++i) {
    std::int64_t& size = shape[shape.size() - static_cast<std::size_t>(i)];
    size = padded<T>(size);
  }
  return in_corner(values, shape, type_of<T>);
}

/// The corner of `actual` that has the shape of `like`, in float64.
at::Tensor corner_of(const at::Tensor& actual, const at::Tensor& like);

/// Expects every expected tensor in the corner of the actual one of that name, and zeros in all
/// channels that pad. A tolerance is in parts of the largest value, or of 1 if that is less.
void expect_padded(const Golden& actual, const Golden& expected, double tolerance);

/// height×width×channels with `padding` pixels of zeros around it, as the kernels take it.
template <class T>
class PaddedTensor {
 public:
  PaddedTensor(const at::Tensor& image, std::int64_t padding) : padding_(padding) {
    const at::Tensor pixels = with_padding<T>(image);
    const std::int64_t height = image.size(0);
    const std::int64_t width = image.size(1);
    data_ = in_corner({}, {height + 2 * padding, width + 2 * padding, pixels.size(2)}, type_of<T>);
    interior().copy_(pixels);
  }

  at::Tensor interior() const {
    return data_.narrow(0, padding_, data_.size(0) - 2 * padding_)
        .narrow(1, padding_, data_.size(1) - 2 * padding_);
  }
  const at::Tensor& all() const { return data_; }
  kernels::PaddedImage<T> view() const {
    return {data_.mutable_data_ptr<T>(), data_.size(0) - 2 * padding_, data_.size(1) - 2 * padding_,
            data_.size(2), padding_};
  }

 private:
  at::Tensor data_;
  std::int64_t padding_;
};

}  // namespace darts::testing
