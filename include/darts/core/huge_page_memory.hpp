#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace darts {

/// A region of memory in huge pages from which large blocks are cut: best fit, neighbours that are
/// free are joined again. What was given back is used anew without the kernel: a network's tensors
/// come fresh with every step, and mapping and clearing their pages costs as much as computing
/// them.
///
/// The region is address space only until it is touched, and grows to the most that was in use at a
/// time (and what is lost between blocks). Threads may share one.
class HugePageRegion {
 public:
  /// Nothing if the system does not give `capacity` bytes of address space.
  static std::unique_ptr<HugePageRegion> reserve(std::size_t capacity);
  ~HugePageRegion();
  HugePageRegion(const HugePageRegion&) = delete;
  HugePageRegion& operator=(const HugePageRegion&) = delete;

  /// A block of at least `size` bytes, aligned to 4096; nullptr if the region has no such gap left.
  void* allocate(std::size_t size);
  /// Gives a block back. `block` is from allocate().
  void release(void* block);

  bool contains(const void* address) const;
  /// Bytes in blocks that are given out.
  std::size_t in_use() const;
  /// The end of the last block there ever was, bytes from the region's beginning.
  std::size_t high_water() const;

 private:
  struct Block {
    std::size_t size;
    bool free;
  };
  using Blocks = std::map<std::size_t, Block>;  // by offset

  HugePageRegion(std::byte* base, std::size_t capacity);
  void add_free(std::size_t offset, std::size_t size);
  void remove_free(Blocks::iterator block);

  std::byte* base_;
  std::size_t capacity_;
  mutable std::mutex mutex_;
  Blocks blocks_;
  std::set<std::pair<std::size_t, std::size_t>> free_;  // (size, offset)
  std::size_t in_use_ = 0;
  std::size_t high_water_ = 0;
};

/// Makes LibTorch take the memory of all CPU tensors of 256 KiB and more from a HugePageRegion,
/// from now on and for the whole process. Call it before the first large tensor. Returns whether it
/// is so; it is not where the system refuses the address space, and nothing changes then.
bool use_huge_page_memory();

}  // namespace darts
