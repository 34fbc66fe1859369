#include "support/thread_ranks.hpp"

#include <darts/parallel/batch_share.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <gtest/gtest.h>

#include <numeric>

namespace darts {
namespace {

TEST(BatchShare, SharesEachRowOutOnce) {
  for (const std::int64_t all : {0, 1, 2, 5, 6, 7, 64, 65}) {
    for (const int size : {1, 2, 3, 5}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const BatchShare share = share_of(all, rank, size, SmallBatch::share);
        EXPECT_EQ(share.first, next);
        EXPECT_EQ(share.all, all);
        EXPECT_LE(share.rows, all / size + 1);
        next += share.rows;
      }
      EXPECT_EQ(next, all);
    }
  }
}

TEST(BatchShare, GivesTooSmallABatchToAll) {
  for (int rank = 0; rank < 3; ++rank) {
    const BatchShare share = share_of(5, rank, 3);
    EXPECT_TRUE(share.replicated);
    EXPECT_EQ(share.rows, 5);
    EXPECT_EQ(share.weight(rank), rank == 0 ? 1.0 : 0.0);
    EXPECT_FALSE(share_of(6, rank, 3).replicated);
    EXPECT_EQ(share_of(6, rank, 3).rows, 2);
  }
  EXPECT_FALSE(share_of(1, 0, 1).replicated);
}

TEST(BatchShare, WeighsRowsAlike) {
  double sum = 0.0;
  for (int rank = 0; rank < 3; ++rank) {
    sum += share_of(7, rank, 3).weight(rank);
  }
  EXPECT_DOUBLE_EQ(sum, 1.0);
}

TEST(BatchShare, MakesPartsOfTwoRowsAtLeast) {
  EXPECT_EQ(part_sizes(7, 3), (std::vector<std::int64_t>{3, 2, 2}));
  EXPECT_EQ(part_sizes(5, 3), (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(part_sizes(1, 3), (std::vector<std::int64_t>{1}));
}

TEST(GatherRows, PutsAllRowsWhereTheyBelong) {
  for (const std::int64_t parts : {1, 2, 3}) {
    const at::Tensor all = at::arange(26).view({13, 2});
    testing::run_ranks(3, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
      const std::vector<BatchShare> shares = shares_of(13, parts, ranks->rank(), 3);
      std::vector<at::Tensor> own;
      for (const BatchShare& share : shares) {
        own.push_back(all.narrow(0, share.first, share.rows));
      }
      EXPECT_TRUE(gather_rows(*ranks, at::cat(own), shares).equal(all));
    });
  }
}

TEST(AgreeOnRows, CountsWhatIsLeftOnAllRanks) {
  testing::run_ranks(3, [](const std::shared_ptr<testing::ThreadRank>& ranks) {
    const int rank = ranks->rank();
    std::vector<BatchShare> shares{share_of(12, rank, 3)};
    shares[0].rows -= rank == 1 ? 1 : 0;  // rank 1 could not read one of its four
    EXPECT_TRUE(agree_on_rows(*ranks, shares, 2));
    EXPECT_EQ(shares[0].all, 11);
    EXPECT_EQ(shares[0].first, rank == 2 ? 7 : 4 * rank);
    shares[0].rows = rank == 1 ? 1 : 4;
    EXPECT_FALSE(agree_on_rows(*ranks, shares, 2)) << "one row is too few to train on";
    EXPECT_TRUE(agree_on_rows(*ranks, shares, 0));
  });
}

}  // namespace
}  // namespace darts
