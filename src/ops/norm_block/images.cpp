#include "images.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace darts::norm_block {
namespace {

/// Elements between pixels, or 0 if they are not at equal distances.
std::int64_t pixel_step(const at::Tensor& images) {
  const std::int64_t channels = images.size(1);
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  const std::int64_t step = width > 1 ? images.stride(3) : height > 1 ? images.stride(2) : channels;
  const bool dense = channels == 1 || images.stride(1) == 1;
  const bool rows = height == 1 || images.stride(2) == width * step;
  return dense && rows && step >= channels ? step : 0;
}

}  // namespace

std::int64_t group_count(std::int64_t images) {
  constexpr std::int64_t most_groups = 32;
  return std::min(images, most_groups);
}

template <class T>
void for_groups(std::int64_t images, std::int64_t workspace,
                const std::function<void(const ImageGroup&, T*)>& work) {
  const std::int64_t groups = group_count(images);
  const at::Tensor memory =
      at::empty({at::get_num_threads(), workspace}, c10::CppTypeToScalarType<T>::value);
  at::parallel_for(0, groups, 1, [&](std::int64_t begin, std::int64_t end) {
    T* const own = memory.mutable_data_ptr<T>() + at::get_thread_num() * workspace;
    std::fill_n(own, workspace, T(0));
    for (std::int64_t group = begin; group < end; ++group) {
      work({group, group * images / groups, (group + 1) * images / groups}, own);
    }
  });
}

template <class T>
GroupSums<T>::GroupSums(std::int64_t images, std::int64_t size)
    : sums_(at::empty({group_count(images), size}, c10::CppTypeToScalarType<T>::value)) {}

template <class T>
std::vector<T> GroupSums<T>::total() const {
  constexpr std::int64_t block = 4096;  // stays in the first-level cache
  const std::int64_t size = sums_.size(1);
  std::vector<T> sum(static_cast<std::size_t>(size));
  const T* const values = sums_.template const_data_ptr<T>();
  at::parallel_for(0, (size + block - 1) / block, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin * block; first < std::min(end * block, size); first += block) {
      const std::int64_t last = std::min(first + block, size);
      for (std::int64_t group = 0; group < sums_.size(0); ++group) {
        for (std::int64_t i = first; i < last; ++i) {
          sum[static_cast<std::size_t>(i)] += values[group * size + i];
        }
      }
    }
  });
  return sum;
}

template <class T>
ImageBatch<T>::ImageBatch(const at::Tensor& images)
    : tensor_(pixel_step(images) > 0 ? images.detach()
                                     : images.detach().contiguous(at::MemoryFormat::ChannelsLast)),
      data_(tensor_.template const_data_ptr<T>()),
      size_(tensor_.stride(0)),
      step_(pixel_step(tensor_)) {}

template void for_groups<float>(std::int64_t, std::int64_t,
                                const std::function<void(const ImageGroup&, float*)>&);
template void for_groups<double>(std::int64_t, std::int64_t,
                                 const std::function<void(const ImageGroup&, double*)>&);
template class GroupSums<float>;
template class GroupSums<double>;
template class ImageBatch<float>;
template class ImageBatch<double>;

}  // namespace darts::norm_block
