#include "support/thread_ranks.hpp"

#include <darts/core/error.hpp>
#include <darts/parallel/broadcast_checkpoint.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

TEST(BroadcastCheckpoint, GivesAllRanksWhatTheFirstOneReads) {
  Checkpoint file{R"({"kind":"trial"})", {}, "of/rank 0.safetensors"};
  file.tensors.emplace("w", at::arange(12, at::kFloat).view({3, 4}));
  file.tensors.emplace("count", at::full({}, 7, at::kLong));
  file.tensors.emplace("half", at::arange(3, at::kBFloat16));
  file.tensors.emplace("flags", at::full({5}, true, at::kBool));
  file.tensors.emplace("nothing", at::zeros({0, 2}));
  testing::run_ranks(3, [&](const std::shared_ptr<testing::ThreadRank>& ranks) {
    const Checkpoint got = broadcast_checkpoint(*ranks, [&]() -> Checkpoint {
      if (!ranks->is_first()) {
        throw Error("there is no such file on this machine");
      }
      return file;
    });
    EXPECT_EQ(got.meta, file.meta);
    EXPECT_EQ(got.file, file.file);
    ASSERT_EQ(got.tensors.size(), file.tensors.size());
    for (const auto& [name, tensor] : file.tensors) {
      EXPECT_EQ(got.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
      EXPECT_TRUE(got.tensors.at(name).equal(tensor)) << name;
    }
  });
}

}  // namespace
}  // namespace darts
