#pragma once

#include "kernels/unit.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace darts::norm_block {

/// Images are worked on in groups; each keeps sums of its own, which are then added up in order, so
/// that results do not depend on the number of threads.
struct ImageGroup {
  std::int64_t index = 0;
  std::int64_t first = 0;  ///< image
  std::int64_t last = 0;   ///< image, beyond
};

std::int64_t group_count(std::int64_t images);

/// Calls `work` for all groups of images, with `workspace` elements: zeros, or what a group before
/// it left.
template <class T>
void for_groups(std::int64_t images, std::int64_t workspace,
                const std::function<void(const ImageGroup&, T*)>& work);

/// Sums of values, for each group its own.
template <class T>
class GroupSums {
 public:
  GroupSums(std::int64_t images, std::int64_t size);

  /// A group's, set to zero.
  T* begin(const ImageGroup& group) const {
    const std::int64_t size = sums_.size(1);
    T* const own = sums_.template mutable_data_ptr<T>() + group.index * size;
    std::fill_n(own, size, T(0));
    return own;
  }
  std::vector<T> total() const;

 private:
  at::Tensor sums_;  ///< groups × size; a tensor's memory is kept from step to step
};

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

}  // namespace darts::norm_block
