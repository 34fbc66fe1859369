#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace darts::batch {

/// Images are worked on in groups, by whichever thread is free; each keeps sums of its own, which
/// are then added up in order, so that results do not depend on the number of threads.
struct ImageGroup {
  std::int64_t index = 0;
  std::int64_t first = 0;  ///< image
  std::int64_t last = 0;   ///< image, beyond
};

std::int64_t group_count(std::int64_t images);

/// Calls `work` for all groups of images, with `workspace` elements of its thread's: zeros, or what
/// a group before it left.
template <class T>
void for_groups(std::int64_t images, std::int64_t workspace,
                const std::function<void(const ImageGroup&, T*)>& work);

/// Calls `work` for ranges [begin, end) that make up [0, count), of `grain` items or more, by all
/// threads.
void in_parallel(std::int64_t count, std::int64_t grain,
                 const std::function<void(std::int64_t, std::int64_t)>& work);

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
  /// All groups' together, added up in order.
  std::vector<T> total() const;

 private:
  at::Tensor sums_;  ///< groups × size; a tensor's memory is kept from step to step
};

}  // namespace darts::batch
