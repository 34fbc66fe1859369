#include "groups.hpp"

#include <darts/core/worker_threads.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace darts::batch {

std::int64_t group_count(std::int64_t images) {
  constexpr std::int64_t most_groups = 32;
  return std::min(images, most_groups);
}

template <class T>
void for_groups(std::int64_t images, std::int64_t workspace,
                const std::function<void(const ImageGroup&, T*)>& work) {
  const std::int64_t groups = group_count(images);
  const auto workers =
      static_cast<std::size_t>(std::min<std::int64_t>(groups, at::get_num_threads()));
  const at::Tensor memory = at::empty({static_cast<std::int64_t>(workers), workspace},
                                      c10::CppTypeToScalarType<T>::value);
  std::vector<std::uint8_t> begun(workers);
  share_out(groups, [&](std::int64_t group, int worker) {
    T* const own = memory.mutable_data_ptr<T>() + worker * workspace;
    std::uint8_t& has_begun = begun[static_cast<std::size_t>(worker)];
    if (has_begun == 0) {
      std::fill_n(own, workspace, T(0));
      has_begun = 1;
    }
    work({group, group * images / groups, (group + 1) * images / groups}, own);
  });
}

void in_parallel(std::int64_t count, std::int64_t grain,
                 const std::function<void(std::int64_t, std::int64_t)>& work) {
  // Some for each thread, so that whoever is late takes fewer.
  const std::int64_t most = 4 * at::get_num_threads();
  const std::int64_t ranges = std::min((count + grain - 1) / grain, most);
  share_out(ranges, [&](std::int64_t range, int) {
    work(range * count / ranges, (range + 1) * count / ranges);
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
  in_parallel((size + block - 1) / block, 1, [&](std::int64_t begin, std::int64_t end) {
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

template void for_groups<float>(std::int64_t, std::int64_t,
                                const std::function<void(const ImageGroup&, float*)>&);
template void for_groups<double>(std::int64_t, std::int64_t,
                                 const std::function<void(const ImageGroup&, double*)>&);
template class GroupSums<float>;
template class GroupSums<double>;

}  // namespace darts::batch
