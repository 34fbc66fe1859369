#include <darts/core/huge_page_memory.hpp>

#include <ATen/ops/ones.h>
#include <c10/core/CPUAllocator.h>

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace darts {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

TEST(HugePageRegion, BlocksAreAlignedApartAndWritable) {
  const auto region = HugePageRegion::reserve(64 * mebibyte);
  ASSERT_NE(region, nullptr);
  auto* a = static_cast<char*>(region->allocate(3 * mebibyte + 5));
  auto* b = static_cast<char*>(region->allocate(mebibyte));
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a) % 4096, 0U);
  std::memset(a, 1, 3 * mebibyte + 5);
  std::memset(b, 2, mebibyte);
  EXPECT_EQ(a[3 * mebibyte + 4], 1);
  EXPECT_TRUE(region->contains(a));
  EXPECT_FALSE(region->contains(&region));
  region->release(a);
  region->release(b);
  EXPECT_EQ(region->in_use(), 0U);
}

TEST(HugePageRegion, UsesWhatWasGivenBackAndJoinsNeighbours) {
  const auto region = HugePageRegion::reserve(64 * mebibyte);
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) {
    blocks.push_back(region->allocate(8 * mebibyte));
    ASSERT_NE(blocks.back(), nullptr);
  }
  EXPECT_EQ(region->allocate(1), nullptr);  // full
  for (const int i : {2, 4, 3}) {           // three neighbours, the middle one last
    region->release(blocks[static_cast<std::size_t>(i)]);
  }
  void* joined = region->allocate(24 * mebibyte);
  EXPECT_EQ(joined, blocks[2]);
  EXPECT_EQ(region->high_water(), 64 * mebibyte);
  EXPECT_EQ(region->in_use(), 64 * mebibyte);
}

TEST(HugePageRegion, TakesTheSmallestGapThatFits) {
  const auto region = HugePageRegion::reserve(64 * mebibyte);
  void* large = region->allocate(16 * mebibyte);
  region->allocate(mebibyte);
  void* small = region->allocate(2 * mebibyte);
  region->allocate(mebibyte);
  region->release(large);
  region->release(small);
  EXPECT_EQ(region->allocate(2 * mebibyte), small);
}

TEST(HugePageRegion, KeepsItsBooksUnderRandomUseByThreads) {
  const auto region = HugePageRegion::reserve(256 * mebibyte);
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::pair<unsigned char*, std::size_t>> mine;
    for (int i = 0; i < 2000; ++i) {
      if (mine.size() < 8 || random() % 2 == 0) {
        const std::size_t size = 1 + random() % (mebibyte / 4);
        auto* block = static_cast<unsigned char*>(region->allocate(size));
        ASSERT_NE(block, nullptr);
        block[0] = block[size - 1] = static_cast<unsigned char>(seed);
        mine.emplace_back(block, size);
      }
      if (mine.size() > 16) {
        const std::size_t which = random() % mine.size();
        EXPECT_EQ(mine[which].first[0], seed);
        EXPECT_EQ(mine[which].first[mine[which].second - 1], seed);
        region->release(mine[which].first);
        mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    for (const auto& [block, size] : mine) {
      region->release(block);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    threads.emplace_back(work, seed);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(region->in_use(), 0U);
  EXPECT_NE(region->allocate(256 * mebibyte), nullptr);  // all joined again
}

TEST(HugePageMemory, TensorsComputeAsBefore) {
  ASSERT_TRUE(use_huge_page_memory());
  EXPECT_TRUE(use_huge_page_memory());  // once more changes nothing
  const at::Tensor large = at::ones({1024, 1024});
  const at::Tensor sum = large + large;
  EXPECT_EQ(sum.sum().item<float>(), 2.0F * 1024 * 1024);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.const_data_ptr()) % 4096, 0U);
  for (const std::size_t size : {std::size_t{64}, mebibyte}) {
    void* raw = c10::GetCPUAllocator()->raw_allocate(size);
    std::memset(raw, 1, size);
    c10::GetCPUAllocator()->raw_deallocate(raw);
  }
}

}  // namespace
}  // namespace darts
