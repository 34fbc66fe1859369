// The curvature of a search by several ranks.
#include "support/thread_ranks.hpp"

#include <darts/search/shared_curvature.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>

namespace darts {
namespace {

using ShouldStop = std::function<bool()>;

/// Asks before each of so many products, as Lanczos does.
std::optional<Curvature> measured(const ShouldStop& should_stop, int products, double eigenvalue) {
  for (int i = 0; i < products; ++i) {
    if (should_stop()) {
      return std::nullopt;
    }
  }
  return Curvature{eigenvalue, 1.5, products};
}

TEST(SharedCurvature, IsTheFirstRanksOnAllOfThem) {
  for (const double eigenvalue : {0.25, -3.0}) {
    std::atomic<int> measurements = 0;
    testing::run_ranks(3, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
      const auto shared = shared_curvature(
          *ranks, [] { return false; },
          [&](const ShouldStop& should_stop) {
            EXPECT_TRUE(ranks->is_first());
            ++measurements;
            return measured(should_stop, 4, eigenvalue);
          });
      ASSERT_TRUE(shared);
      EXPECT_EQ(shared->eigenvalue, eigenvalue);
      EXPECT_EQ(shared->seconds, 1.5);
      EXPECT_EQ(shared->products, 4);
    });
    EXPECT_EQ(measurements, 1);
  }
}

TEST(SharedCurvature, WhatIsNotFiniteIsSoOnAllOfThem) {
  testing::run_ranks(2, [](const std::shared_ptr<testing::ThreadRank>& ranks) {
    const auto shared = shared_curvature(
        *ranks, [] { return false; },
        [](const ShouldStop& should_stop) {
          return measured(should_stop, 1, std::numeric_limits<double>::quiet_NaN());
        });
    ASSERT_TRUE(shared);
    EXPECT_TRUE(std::isnan(shared->eigenvalue));
  });
}

TEST(SharedCurvature, AllStopAsSoonAsOneIsAsked) {
  constexpr int products = 5;
  for (int asked_rank = 0; asked_rank < 3; ++asked_rank) {
    for (int after = 0; after <= products; ++after) {  // also in the last vote
      testing::run_ranks(3, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
        int votes = 0;
        const auto shared = shared_curvature(
            *ranks, [&] { return votes++ == after && ranks->rank() == asked_rank; },
            [](const ShouldStop& should_stop) { return measured(should_stop, products, 1.0); });
        EXPECT_FALSE(shared);
        EXPECT_EQ(votes, after + 1);
      });
    }
  }
}

TEST(SharedCurvature, OfOneProcessIsItsOwn) {
  const auto own = shared_curvature(
      *single_rank(), [] { return false; },
      [](const ShouldStop& should_stop) { return measured(should_stop, 2, 0.5); });
  EXPECT_EQ(own.value().eigenvalue, 0.5);
  const auto stopped = shared_curvature(
      *single_rank(), [] { return true; },
      [](const ShouldStop& should_stop) { return measured(should_stop, 2, 0.5); });
  EXPECT_FALSE(stopped);
}

}  // namespace
}  // namespace darts
