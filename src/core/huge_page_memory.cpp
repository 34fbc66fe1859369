#include <darts/core/huge_page_memory.hpp>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace darts {
namespace {

constexpr std::size_t granule = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20U;
/// Smaller tensors are as well off with malloc.
constexpr std::size_t smallest = std::size_t{256} << 10U;

std::size_t rounded_up(std::size_t size, std::size_t unit) {
  return (size + unit - 1) / unit * unit;
}

}  // namespace

std::unique_ptr<HugePageRegion> HugePageRegion::reserve(std::size_t capacity) {
  capacity = rounded_up(capacity, huge_page);
  // One huge page more, to begin at the boundary of one.
  void* address = ::mmap(nullptr, capacity + huge_page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    return nullptr;
  }
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const std::size_t skipped = rounded_up(begin, huge_page) - begin;
  auto* base = static_cast<std::byte*>(address) + skipped;
  if (skipped > 0) {
    ::munmap(address, skipped);
  }
  if (skipped < huge_page) {
    ::munmap(base + capacity, huge_page - skipped);
  }
  ::madvise(base, capacity, MADV_HUGEPAGE);  // where it is refused, small pages do as well
  return std::unique_ptr<HugePageRegion>(new HugePageRegion(base, capacity));
}

HugePageRegion::HugePageRegion(std::byte* base, std::size_t capacity)
    : base_(base), capacity_(capacity) {
  add_free(0, capacity_);
}

HugePageRegion::~HugePageRegion() { ::munmap(base_, capacity_); }

void HugePageRegion::add_free(std::size_t offset, std::size_t size) {
  blocks_[offset] = {size, true};
  free_.emplace(size, offset);
}

void HugePageRegion::remove_free(Blocks::iterator block) {
  free_.erase({block->second.size, block->first});
  blocks_.erase(block);
}

void* HugePageRegion::allocate(std::size_t size) {
  size = rounded_up(std::max<std::size_t>(size, 1), granule);
  const std::lock_guard lock(mutex_);
  const auto found = free_.lower_bound({size, 0});
  if (found == free_.end()) {
    return nullptr;
  }
  const auto [found_size, offset] = *found;
  remove_free(blocks_.find(offset));
  if (found_size > size) {
    add_free(offset + size, found_size - size);
  }
  blocks_[offset] = {size, false};
  in_use_ += size;
  high_water_ = std::max(high_water_, offset + size);
  return base_ + offset;
}

void HugePageRegion::release(void* block) {
  const std::lock_guard lock(mutex_);
  auto it = blocks_.find(static_cast<std::size_t>(static_cast<std::byte*>(block) - base_));
  TORCH_CHECK(it != blocks_.end() && !it->second.free, "HugePageRegion: not a block of it");
  std::size_t offset = it->first;
  std::size_t size = it->second.size;
  in_use_ -= size;
  const auto next = std::next(it);
  const auto before = it == blocks_.begin() ? blocks_.end() : std::prev(it);
  blocks_.erase(it);
  if (next != blocks_.end() && next->second.free) {
    size += next->second.size;
    remove_free(next);
  }
  if (before != blocks_.end() && before->second.free) {
    offset = before->first;
    size += before->second.size;
    remove_free(before);
  }
  add_free(offset, size);
}

bool HugePageRegion::contains(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  return byte >= base_ && byte < base_ + capacity_;
}

std::size_t HugePageRegion::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

std::size_t HugePageRegion::high_water() const {
  const std::lock_guard lock(mutex_);
  return high_water_;
}

namespace {

/// Large tensors from the region, others as LibTorch does it.
class HugePageAllocator final : public c10::Allocator {
 public:
  explicit HugePageAllocator(HugePageRegion* region) : region_(region) { instance() = this; }

  c10::DataPtr allocate(std::size_t size) override {
    void* data = size >= smallest ? region_->allocate(size) : nullptr;
    return data != nullptr ? c10::DataPtr(data, data, &release, c10::kCPU)
                           : c10::GetDefaultCPUAllocator()->allocate(size);
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release_any; }

  void copy_data(void* to, const void* from, std::size_t size) const override {
    std::memcpy(to, from, size);
  }

 private:
  /// A deleter is a plain function and gets the block alone.
  static HugePageAllocator*& instance() {
    static HugePageAllocator* allocator = nullptr;
    return allocator;
  }
  static void release(void* block) { instance()->region_->release(block); }
  static void release_any(void* block) {
    if (instance()->region_->contains(block)) {
      release(block);
    } else {
      c10::GetDefaultCPUAllocator()->raw_deleter()(block);
    }
  }

  HugePageRegion* region_;
};

std::size_t reserved_bytes() {
  const auto pages = static_cast<std::size_t>(std::max(::sysconf(_SC_PHYS_PAGES), 1L));
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return 2 * pages * page;
}

bool install() {
  // Neither is ever destroyed: tensors may live until the very end of the process.
  static HugePageRegion* const region = HugePageRegion::reserve(reserved_bytes()).release();
  if (region == nullptr) {
    return false;
  }
  static auto* const allocator = new HugePageAllocator(region);
  c10::SetCPUAllocator(allocator, /*priority=*/1);
  return true;
}

}  // namespace

bool use_huge_page_memory() {
  static const bool installed = install();
  return installed;
}

}  // namespace darts
