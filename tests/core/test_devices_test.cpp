#include "support/test_devices.hpp"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace darts {
namespace {

using Names = std::set<std::string>;

TEST(TestDevices, OperationsWithoutADeterministicFormAreNamed) {
  const at::Tensor x = at::ones({1, 1, 2, 2});
  const at::Tensor indices = at::zeros({1, 1, 2, 2}, at::kLong);
  const auto unpool = [&] { at::max_unpool2d(x, indices, {4, 4}); };
  const bool before = at::globalContext().deterministicAlgorithms();
  EXPECT_EQ(testing::indeterminate_operations(unpool), Names{"max_unpooling2d_forward_out"});
  EXPECT_EQ(testing::indeterminate_operations([&] { at::mm(x[0][0], x[0][0]); }), Names());
  EXPECT_EQ(at::globalContext().deterministicAlgorithms(), before);
}

TEST(TestDevices, OtherWarningsAreStillPrinted) {
  ::testing::internal::CaptureStderr();
  testing::indeterminate_operations([] { TORCH_WARN("something else"); });
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("something else"), std::string::npos);
}

TEST(TestDevices, RunsHaveNames) {
  const testing::DeviceRun graph{testing::gpu(), Execution::merged, true};
  EXPECT_EQ(testing::title_of("a/b.pt", {}), "b.pt");
  EXPECT_EQ(testing::title_of("a/b.pt", {testing::gpu()}), "b.pt on a GPU");
  EXPECT_EQ(testing::title_of("a/b.pt", graph), "b.pt merged_graph on a GPU");
}

}  // namespace
}  // namespace darts
