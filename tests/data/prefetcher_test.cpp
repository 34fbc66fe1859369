#include "prefetcher.hpp"

#include "fixtures.hpp"

#include <ATen/ops/full.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace darts::detail {
namespace {

Batch numbered(std::int64_t number) {
  return {.images = {}, .labels = at::full({1}, number, at::kLong)};
}

std::vector<std::int64_t> all_of(Prefetcher& prefetcher) {
  std::vector<std::int64_t> numbers;
  while (const auto batch = prefetcher.next()) {
    numbers.push_back(batch->labels.item<std::int64_t>());
  }
  return numbers;
}

TEST(Prefetcher, KeepsTheOrderWhenLaterBatchesAreReadyFirst) {
  for (const int workers : {0, 1, 4}) {
    Prefetcher prefetcher(
        [](std::int64_t number) {
          std::this_thread::sleep_for(std::chrono::milliseconds(number % 3 == 0 ? 8 : 0));
          return numbered(number);
        },
        {.first = 2, .end = 9, .workers = workers, .prefetch = 4});
    EXPECT_THAT(all_of(prefetcher), testing::ElementsAre(2, 3, 4, 5, 6, 7, 8)) << workers;
    EXPECT_FALSE(prefetcher.next());
  }
}

TEST(Prefetcher, MakesNoMoreThanAskedAhead) {
  std::atomic<int> made = 0;
  Prefetcher prefetcher(
      [&](std::int64_t number) {
        ++made;
        return numbered(number);
      },
      {.first = 0, .end = 100, .workers = 2, .prefetch = 3});
  ASSERT_TRUE(prefetcher.next());
  for (int i = 0; i < 10'000 && made < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for one too many
  EXPECT_EQ(made, 4);                                          // the one taken, and three
}

TEST(Prefetcher, ThrowsTheExceptionOfAWorkerInItsPlace) {
  for (const int workers : {0, 1, 3}) {
    Prefetcher prefetcher(
        [](std::int64_t number) {
          return number == 2 ? throw Error("batch 2 is impossible") : numbered(number);
        },
        {.first = 0, .end = 20, .workers = workers, .prefetch = 6});
    EXPECT_TRUE(prefetcher.next());
    EXPECT_TRUE(prefetcher.next());
    EXPECT_EQ(test::error_of([&] { prefetcher.next(); }), "batch 2 is impossible");
    EXPECT_FALSE(prefetcher.next()) << "the epoch is over";
  }
}

TEST(Prefetcher, ThrowsTheExceptionOfTheFirstBatch) {
  Prefetcher prefetcher([](std::int64_t) -> Batch { throw Error("no batch"); },
                        {.first = 0, .end = 3, .workers = 2, .prefetch = 2});
  EXPECT_EQ(test::error_of([&] { prefetcher.next(); }), "no batch");
}

TEST(Prefetcher, WaitsForItsWorkersWhenDestroyed) {
  std::atomic<int> running = 0;
  for (int i = 0; i < 20; ++i) {
    {
      Prefetcher prefetcher(
          [&](std::int64_t number) {
            ++running;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            --running;
            return numbered(number);
          },
          {.first = 0, .end = 1000, .workers = 3, .prefetch = 8});
      if (i % 2 == 1) {
        ASSERT_TRUE(prefetcher.next());
      }
    }
    ASSERT_EQ(running, 0);
  }
}

}  // namespace
}  // namespace darts::detail
