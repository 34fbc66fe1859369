#pragma once

#include "kernels/packing.hpp"
#include "kernels/separable.hpp"
#include "support/golden.hpp"
#include "support/rounding.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

// Operands of the kernels from tensors, and back. Tests hold values and expected results in
// float64, in the kernels' order of dimensions but without channels that pad; the kernels' own
// tensors are of their type, with the padding. Tests are run for the types S that the kernels store
// in: float, double and c10::BFloat16.

namespace darts::testing {

/// What the kernels compute in where they store S: their T.
template <class S>
using Arithmetic = std::conditional_t<std::is_same_v<S, double>, double, float>;

template <class S>
constexpr at::ScalarType type_of = c10::CppTypeToScalarType<S>::value;

/// What may be lost to rounding in T where sums of `terms` products are computed for S, in parts of
/// the largest result; …
template <class S>
double rounding(std::int64_t terms) {
  return rounding_bound<Arithmetic<S>>(terms);
}
/// … and in storing the result as S.
template <class S>
double stored_rounding(std::int64_t terms) {
  return rounding<S>(terms) +
         (std::is_same_v<S, Arithmetic<S>> ? 0.0 : (1.0 + rounding<S>(terms)) * unit_roundoff<S>());
}

/// S as the kernels name it, and a tensor's data as that.
template <class S>
using Stored = std::conditional_t<std::is_same_v<S, c10::BFloat16>, kernels::BFloat16, S>;
template <class S>
Stored<S>* stored_data(const at::Tensor& tensor) {
  return reinterpret_cast<Stored<S>*>(tensor.mutable_data_ptr<S>());
}

/// Channels with those that pad them, for the instruction set that is chosen now.
template <class S>
std::int64_t padded(std::int64_t channels) {
  const std::int64_t multiple = kernels::channel_multiple<Arithmetic<S>>();
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

/// A matrix (rows × columns, padded) as pointwise weights are packed, and back.
template <class T>
at::Tensor packed(const at::Tensor& values) {
  const at::Tensor padded = with_padding<T>(values, 2);
  const std::int64_t rows = padded.size(0);
  const std::int64_t columns = padded.size(1);
  const at::Tensor weight = padded.t().contiguous();
  at::Tensor to = in_corner({}, {kernels::packed_size<T>(rows, columns)}, type_of<T>);
  kernels::pack_pointwise(weight.const_data_ptr<T>(), columns, rows,
                          kernels::PackedBlock{rows, columns}, to.mutable_data_ptr<T>());
  return to;
}
template <class T>
at::Tensor unpacked(const at::Tensor& from, std::int64_t rows, std::int64_t columns) {
  at::Tensor weight = in_corner({}, {columns, rows}, type_of<T>);
  kernels::unpack_pointwise(from.const_data_ptr<T>(), kernels::PackedBlock{rows, columns}, columns,
                            rows, weight.mutable_data_ptr<T>());
  return weight.t().contiguous();
}

/// The corner of `actual` that has the shape of `like`, in float64.
at::Tensor corner_of(const at::Tensor& actual, const at::Tensor& like);

/// Tolerances of tensors by name, in parts of the largest value, or of 1 if that is less.
using Tolerances = std::map<std::string, double>;

/// Expects every expected tensor in the corner of the actual one of that name, and zeros in all
/// channels that pad.
void expect_padded(const Golden& actual, const Golden& expected, const Tolerances& tolerances);
/// The same with one tolerance for all.
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
