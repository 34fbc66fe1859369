#pragma once

#include "kernels/unit.hpp"
#include "ops/kernels/kernel_tools.hpp"

#include <ATen/ops/full.h>

#include <gtest/gtest.h>

namespace darts::testing {

/// Pixels × channels that lie `gap` elements apart, as kernels take whose tensors are not padded.
template <class T>
class PixelTensor {
 public:
  /// `values`: … × channels; all dimensions but the last are pixels.
  PixelTensor(const at::Tensor& values, std::int64_t gap) : shape_(values.sizes().vec()) {
    const at::Tensor pixels = values.flatten(0, -2);
    data_ = at::full({pixels.size(0), pixels.size(1) + gap}, mark, type_of<T>);
    used().copy_(pixels);
  }

  /// In the shape that was given.
  at::Tensor values() const { return used().reshape(shape_); }
  kernels::Pixels<const T> read() const { return {data_.const_data_ptr<T>(), data_.size(1)}; }
  kernels::Pixels<T> write() { return {data_.mutable_data_ptr<T>(), data_.size(1)}; }

  void expect_gaps_untouched() const {
    const std::int64_t channels = shape_.back();
    const at::Tensor gaps = data_.narrow(1, channels, data_.size(1) - channels);
    EXPECT_TRUE(gaps.eq(mark).all().item<bool>());
  }

 private:
  static constexpr double mark = 7.0;
  at::Tensor used() const { return data_.narrow(1, 0, shape_.back()); }

  std::vector<std::int64_t> shape_;
  at::Tensor data_;
};

}  // namespace darts::testing
