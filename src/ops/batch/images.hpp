#pragma once

#include "kernels/unit.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace darts::batch {

/// A batch of images that the kernels can read: a pixel's channels lie side by side, and pixels at
/// equal distances, row after row.
template <class T>
class ImageBatch {
 public:
  ImageBatch() = default;
  /// `images` itself if its memory is like that, else a copy.
  explicit ImageBatch(const at::Tensor& images);

  kernels::Pixels<const T> operator[](std::int64_t n) const { return {data_ + n * size_, step_}; }
  /// Image n as what a kernel reads next; nothing beyond the last, or where images are not dense.
  kernels::Ahead ahead(std::int64_t n) const {
    return n < tensor_.size(0) && step_ == tensor_.size(1)
               ? kernels::Ahead{data_ + n * size_, size_ * std::int64_t{sizeof(T)}}
               : kernels::Ahead{};
  }
  kernels::Pixels<T> writable(std::int64_t n) const {
    return {tensor_.template mutable_data_ptr<T>() + n * size_, step_};
  }

 private:
  at::Tensor tensor_;
  const T* data_ = nullptr;
  std::int64_t size_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace darts::batch
