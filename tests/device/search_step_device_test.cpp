#include "core/temporary_folder.hpp"
#include "device/fake_device.hpp"
#include "search/small_search.hpp"

#include <darts/data/batch_mover.hpp>
#include <darts/search/search_checkpoint.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::fake_device;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using testing::small_batch;
using testing::take_waits;
using ::testing::UnorderedElementsAre;

Batch on_fake(const Batch& batch) {
  return {batch.images.to(fake_device()), batch.labels.to(fake_device())};
}

struct Setting {
  SearchOrder order;
  Execution execution;
  bool graph;
};

std::string name_of(const ::testing::TestParamInfo<Setting>& info) {
  return std::string(find_order(info.param.order).name) +
         (info.param.execution == Execution::plain ? "Plain" : "Merged") +
         (info.param.graph ? "Graph" : "");
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const SearchOrderRow& row : search_orders()) {
    for (const Execution execution : {Execution::plain, Execution::fused}) {
      all.push_back({row.order, execution, false});
    }
    all.push_back({row.order, Execution::fused, true});
  }
  return all;
}

class StepOnADevice : public ::testing::TestWithParam<Setting> {
 protected:
  static SupernetOptions options() {
    SupernetOptions options = testing::small_options();
    options.execution.execution = GetParam().execution;
    return options;
  }
  static SearchStepOptions step_options() {
    SearchStepOptions options;
    options.order = GetParam().order;
    options.cuda_graph = GetParam().graph;
    return options;
  }
};

TEST_P(StepOnADevice, NothingWaitsForIt) {
  Supernet supernet = testing::small_supernet(options());
  testing::move_to_fake_device(*supernet);
  SearchStep step(supernet, step_options());
  const Batch train = on_fake(small_batch(2));
  const Batch valid = on_fake(small_batch(3));
  step.run(train, valid, 0.1);
  take_waits();
  std::vector<PendingStep> pending;
  for (int i = 0; i < 3; ++i) {
    pending.push_back(step.launch(train, valid, 0.1));
    EXPECT_THAT(take_waits(), IsEmpty()) << "step " << i;
  }
  for (const PendingStep& launched : pending) {
    launched.get();
    EXPECT_THAT(take_waits(), UnorderedElementsAre(Key("waiting for an event")));
  }
}

TEST_P(StepOnADevice, ComputesWhatItDoesOnTheCpu) {
  Supernet here = testing::small_supernet(options());
  Supernet there = testing::small_supernet(options());
  testing::move_to_fake_device(*there);
  SearchStep step_here(here, step_options());
  SearchStep step_there(there, step_options());
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    const Batch train = small_batch(2 * seed);
    const Batch valid = small_batch(2 * seed + 1);
    const StepResult a = step_here.run(train, valid, 0.05);
    const StepResult b = step_there.run(on_fake(train), on_fake(valid), 0.05);
    EXPECT_NEAR(a.loss, b.loss, 1e-9);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-8);
    EXPECT_EQ(a.correct, b.correct);
  }
  const testing::Golden state = testing::copy_of_state(*here);
  for (const auto& [name, tensor] : testing::copy_of_state(*there)) {
    EXPECT_EQ(tensor.device(), fake_device()) << name;
    EXPECT_LE(testing::relative_error(tensor.cpu(), state.at(name)), 1e-6) << name;
  }
}

TEST_P(StepOnADevice, WhatIsNotFiniteShowsWhenItIsAskedFor) {
  Supernet supernet = testing::small_supernet(options());
  testing::move_to_fake_device(*supernet);
  SearchStep step(supernet, step_options());
  Batch train = small_batch(2);
  train.images[1][0][2][3] = std::numeric_limits<double>::quiet_NaN();
  const PendingStep pending = step.launch(on_fake(train), on_fake(small_batch(3)), 0.1);
  try {
    pending.get();
    ADD_FAILURE() << "no NonFiniteError";
  } catch (const NonFiniteError& error) {
    EXPECT_THAT(error.what(), HasSubstr("gradient norm of w nan"));
    EXPECT_THAT(error.what(), HasSubstr("norm of alpha"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, StepOnADevice, ::testing::ValuesIn(settings()), name_of);

/// On a GPU a thousand copies of a few bytes would take longer than the rest of a checkpoint.
TEST(Checkpoint, TakesAHandfulOfCopies) {
  SearchConfig config;
  config.space.cells = 3;
  config.space.channels = 2;
  Supernet supernet(supernet_options(config, first_stage(config), 3, 4));
  initialize_supernet(supernet, 1);
  testing::move_to_fake_device(*supernet);
  SearchStep step(supernet, step_options(config, fake_device()));
  Batch batch = small_batch(1);
  batch.images = batch.images.to(at::kFloat);
  step.run(on_fake(batch), on_fake(batch), 0.1);

  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "a.ckpt";
  testing::take_copies();
  save_checkpoint(file, make_checkpoint({supernet, step}, {}, config));
  EXPECT_LE(testing::take_copies(), 20);

  Supernet other(supernet_options(config, first_stage(config), 3, 4));
  testing::move_to_fake_device(*other);
  SearchStep other_step(other, step_options(config, fake_device()));
  testing::take_copies();
  restore_checkpoint(load_checkpoint(file), {other, other_step}, config);
  EXPECT_LE(testing::take_copies(), 40);
  const testing::Golden state = testing::copy_of_state(*supernet);
  for (const auto& [name, tensor] : testing::copy_of_state(*other)) {
    EXPECT_TRUE(tensor.cpu().equal(state.at(name).cpu())) << name;
  }
}

// ---- The counters themselves, and what the step does not contain ----

TEST(FakeDevice, CountsWhatWaits) {
  const at::Tensor there = at::zeros({4}).to(fake_device());
  take_waits();
  static_cast<void>(there.sum().item<float>());
  EXPECT_THAT(take_waits(), UnorderedElementsAre(Key("item")));
  static_cast<void>(there.cpu());
  EXPECT_THAT(take_waits(), UnorderedElementsAre(Key("device to host, blocking")));
  const at::Tensor pageable = at::zeros({4});
  static_cast<void>(pageable.to(fake_device(), /*non_blocking=*/true));
  EXPECT_THAT(take_waits(), UnorderedElementsAre(Key("host to device, pageable")));
  static_cast<void>(pageable.pin_memory().to(fake_device(), /*non_blocking=*/true));
  EXPECT_THAT(take_waits(), IsEmpty());
  EXPECT_THROW(there + pageable, c10::Error) << "tensors of two devices";
}

TEST(BatchMover, BringsPinnedBatchesWithoutWaiting) {
  const Batch batch = small_batch(1);
  const BatchMover mover(fake_device());
  take_waits();
  const Batch moved = mover.move({batch.images.pin_memory(), batch.labels.pin_memory()});
  EXPECT_THAT(take_waits(), IsEmpty());
  EXPECT_EQ(moved.images.device(), fake_device());
  EXPECT_TRUE(moved.images.cpu().equal(batch.images));
  EXPECT_TRUE(moved.labels.cpu().equal(batch.labels));
}

TEST(BatchMover, LeavesBatchesOnTheCpu) {
  const Batch batch = small_batch(1);
  EXPECT_TRUE(BatchMover(at::kCPU).move(batch).images.is_same(batch.images));
}

}  // namespace
}  // namespace darts
