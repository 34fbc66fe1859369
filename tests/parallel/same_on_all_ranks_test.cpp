#include "core/expect_error.hpp"
#include "support/thread_ranks.hpp"

#include <darts/parallel/same_on_all_ranks.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;

TEST(CheckSame, NamesTheFirstDifferenceOnAllRanks) {
  testing::run_ranks(3, [](const std::shared_ptr<testing::ThreadRank>& ranks) {
    Fingerprint own{{"seed", "5"}, {"search.batch_size", ranks->rank() == 2 ? "32" : "64"}};
    EXPECT_THAT(error_of([&] { check_same(*ranks, own); }),
                AllOf(HasSubstr("rank 2 differs from rank 0"),
                      HasSubstr("search.batch_size is 32, on rank 0 64")));
    own[1].second = "64";
    check_same(*ranks, own);
    if (ranks->rank() == 1) {
      own.emplace_back("new key", "1");
    }
    EXPECT_THAT(error_of([&] { check_same(*ranks, own); }),
                HasSubstr("new key is 1, on rank 0 not there"));
  });
}

TEST(CheckSameTensors, NamesTheFirstTensorThatDiffers) {
  testing::run_ranks(2, [](const std::shared_ptr<testing::ThreadRank>& ranks) {
    NamedTensors tensors{{"a", at::arange(5)}, {"b", at::arange(7, at::kFloat)}};
    check_same_tensors(*ranks, tensors, "after epoch 1");
    if (ranks->rank() == 1) {
      tensors["b"][6] = 6.0000005F;
    }
    EXPECT_THAT(error_of([&] { check_same_tensors(*ranks, tensors, "after epoch 2"); }),
                AllOf(HasSubstr("rank 1"), HasSubstr("after epoch 2: b differs")));
  });
}

TEST(HashOf, SeesEveryByteInLogicalOrder) {
  const at::Tensor tensor = at::arange(24, at::kFloat).view({2, 3, 4});
  EXPECT_EQ(hash_of(tensor), hash_of(tensor.transpose(0, 2).contiguous().transpose(0, 2)));
  for (const std::int64_t i : {0, 11, 23}) {
    at::Tensor other = tensor.clone();
    other.view({-1})[i] += 1e-5F + 1.0F;
    EXPECT_NE(hash_of(tensor), hash_of(other));
  }
  EXPECT_NE(hash_of(at::full({4}, 1, at::kByte)), hash_of(at::full({5}, 1, at::kByte)));
}

}  // namespace
}  // namespace darts
