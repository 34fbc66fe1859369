#include "support/threads.hpp"

#include <darts/core/worker_threads.hpp>

#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace darts {
namespace {

using testing::Threads;

TEST(ShareOut, EveryItemIsTakenOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    const Threads guard(threads);
    for (const std::int64_t items : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> taken(static_cast<std::size_t>(items));
      share_out(items, [&](std::int64_t item, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, threads);
        ++taken[static_cast<std::size_t>(item)];
      });
      for (const std::atomic<int>& times : taken) {
        EXPECT_EQ(times, 1);
      }
    }
  }
}

/// Short calls, one after the other: whoever is late for one must not take part in the next as if
/// it were that.
TEST(ShareOut, CallsFollowEachOtherClosely) {
  const Threads guard(4);
  std::int64_t sum = 0;
  for (std::int64_t call = 0; call < 20'000; ++call) {
    const std::int64_t items = call % 5;
    std::atomic<std::int64_t> here = 0;
    share_out(items, [&](std::int64_t item, int) { here += item + 1; });
    ASSERT_EQ(here, items * (items + 1) / 2) << "call " << call;
    sum += here;
  }
  EXPECT_GT(sum, 0);
}

TEST(ShareOut, SeveralThreadsWorkAtOnce) {
  const Threads guard(3);
  std::latch all_here(3);  // which one thread alone would wait at for ever
  std::mutex one;
  std::set<std::thread::id> seen;
  share_out(3, [&](std::int64_t, int) {
    all_here.arrive_and_wait();
    const std::lock_guard<std::mutex> lock(one);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(seen.size(), 3U);
}

/// The first item holds its thread until the others are done, which would never be if they waited
/// for it.
TEST(ShareOut, AThreadThatIsHeldUpHoldsUpItsOwnItemAlone) {
  const Threads guard(2);
  for (int call = 0; call < 100; ++call) {
    std::latch others(9);
    std::atomic<int> held = -1;
    share_out(10, [&](std::int64_t item, int worker) {
      if (item == 0) {
        held = worker;
        others.wait();
      } else {
        EXPECT_NE(held, worker);
        others.count_down();
      }
    });
  }
}

TEST(ShareOut, AnErrorIsThrownAndTheNextCallWorks) {
  for (const int threads : {1, 3}) {
    const Threads guard(threads);
    const auto fail = [](std::int64_t item, int) {
      if (item == 5) {
        throw std::runtime_error("item 5");
      }
    };
    EXPECT_THROW(share_out(50, fail), std::runtime_error);
    std::atomic<int> taken = 0;
    share_out(50, [&](std::int64_t, int) { ++taken; });
    EXPECT_EQ(taken, 50);
  }
}

TEST(ShareOut, WithinAnItemAllIsTheThreadsOwn) {
  const Threads guard(2);
  std::atomic<int> taken = 0;
  share_out(4, [&](std::int64_t, int) {
    EXPECT_EQ(at::get_num_threads(), 1);
    const auto own = std::this_thread::get_id();
    share_out(3, [&](std::int64_t, int worker) {
      EXPECT_EQ(worker, 0);
      EXPECT_EQ(std::this_thread::get_id(), own);
      ++taken;
    });
  });
  EXPECT_EQ(taken, 12);
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST(ShareOut, MayBeCalledByManyThreads) {
  std::atomic<int> taken = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int call = 0; call < 200; ++call) {
        share_out(7, [&](std::int64_t, int) { ++taken; });
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(taken, 4 * 200 * 7);
}

}  // namespace
}  // namespace darts
