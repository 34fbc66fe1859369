#include "device_use.hpp"

#include "device_trace.hpp"

#include <c10/util/Exception.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using Kind = DeviceActivity::Kind;

TEST(DeviceUse, NamesTheKernelsThatTakeMostOfTheTime) {
  std::vector<DeviceActivity> activities{{Kind::kernel, 0, 100, "small"},
                                         {Kind::copy, 0, 5000, "copy"},
                                         {Kind::kernel, 0, 300, "large"},
                                         {Kind::kernel, 0, 300, "large"},
                                         {Kind::launch, 0, 9000, "launch"}};
  const DeviceUse use = per_step(device_use(activities), 2);
  ASSERT_EQ(use.heaviest.size(), 2U);
  EXPECT_EQ(use.heaviest[0].name, "large");
  EXPECT_EQ(use.heaviest[0].count, 1);
  EXPECT_DOUBLE_EQ(use.heaviest[0].seconds, 300e-9);
  EXPECT_EQ(use.heaviest[1].name, "small");
  for (int i = 0; i < 20; ++i) {
    activities.push_back({Kind::kernel, 0, 1, std::to_string(i)});
  }
  EXPECT_EQ(device_use(activities).heaviest.size(), 12U);
}

TEST(DeviceUse, OfNothing) {
  const DeviceUse use = device_use({});
  EXPECT_EQ(use.kernels, 0);
  EXPECT_EQ(use.copies, 0);
  EXPECT_EQ(use.launches, 0);
  EXPECT_EQ(use.busy_seconds, 0.0);
  EXPECT_EQ(idle_share(use, 1.0), 1.0);
}

TEST(DeviceUse, GapsAreIdle) {
  const DeviceUse use = device_use({{Kind::kernel, 1000, 100}, {Kind::kernel, 1500, 50}});
  EXPECT_EQ(use.kernels, 2);
  EXPECT_DOUBLE_EQ(use.busy_seconds, 150e-9);
  EXPECT_DOUBLE_EQ(idle_share(use, 600e-9), 0.75);
}

TEST(DeviceUse, KernelsOfSeveralStreamsCountOnce) {
  EXPECT_DOUBLE_EQ(  // the second begins in the first, the third lies within the second
      device_use({{Kind::kernel, 0, 100}, {Kind::kernel, 50, 100}, {Kind::kernel, 60, 10}})
          .busy_seconds,
      150e-9);
  EXPECT_DOUBLE_EQ(device_use({{Kind::kernel, 0, 100}, {Kind::kernel, 0, 100}}).busy_seconds,
                   100e-9);
  EXPECT_DOUBLE_EQ(  // one after the other without a gap
      device_use({{Kind::kernel, 0, 100}, {Kind::kernel, 100, 20}}).busy_seconds, 120e-9);
}

TEST(DeviceUse, TakesAnyOrderAndAnyOrigin) {
  const DeviceUse use =
      device_use({{Kind::kernel, 70, 30}, {Kind::kernel, -100, 40}, {Kind::kernel, -80, 60}});
  EXPECT_DOUBLE_EQ(use.busy_seconds, 110e-9);
}

TEST(DeviceUse, CopiesAreBusyAndNoKernels) {
  const DeviceUse use = device_use({{Kind::copy, 0, 10}, {Kind::kernel, 5, 10}});
  EXPECT_EQ(use.kernels, 1);
  EXPECT_EQ(use.copies, 1);
  EXPECT_DOUBLE_EQ(use.busy_seconds, 15e-9);
}

TEST(DeviceUse, LaunchesAreTheHosts) {
  const DeviceUse use =
      device_use({{Kind::launch, 0, 1000}, {Kind::kernel, 100, 10}, {Kind::launch, 2000, 1000}});
  EXPECT_EQ(use.launches, 2);
  EXPECT_EQ(use.kernels, 1);
  EXPECT_DOUBLE_EQ(use.busy_seconds, 10e-9);
}

TEST(DeviceUse, OfOneOfSeveralSteps) {
  const DeviceUse use = per_step({3000, 4, 5, 0.6}, 3);
  EXPECT_EQ(use.kernels, 1000);
  EXPECT_EQ(use.copies, 1);    // 1.3
  EXPECT_EQ(use.launches, 2);  // 1.7
  EXPECT_DOUBLE_EQ(use.busy_seconds, 0.2);
  EXPECT_THROW(per_step({}, 0), c10::Error);
}

TEST(DeviceUse, IsNeverMoreThanAll) {
  EXPECT_EQ(idle_share({1, 0, 1, 2.0}, 1.5), 0.0);
  EXPECT_THROW(idle_share({}, 0.0), c10::Error);
}

TEST(DeviceTrace, KnowsLaunchesByTheirNames) {
  for (const char* call : {"cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel",
                           "cuLaunchKernelEx", "cudaLaunchCooperativeKernel", "cudaGraphLaunch"}) {
    EXPECT_TRUE(is_launch(call)) << call;
  }
  for (const char* call : {"cudaMemcpyAsync", "cudaLaunchHostFunc", "cudaEventRecord",
                           "cudaGraphInstantiate", "cudaStreamSynchronize", ""}) {
    EXPECT_FALSE(is_launch(call)) << call;
  }
}

TEST(DeviceTrace, HasNothingOfACpu) {
  int calls = 0;
  EXPECT_TRUE(device_trace([&calls] { ++calls; }, 2, c10::kCPU).empty());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace darts
