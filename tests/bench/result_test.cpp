#include "result.hpp"

#include "step_times.hpp"

#include <c10/util/Exception.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using nlohmann::ordered_json;

Result first_order() {
  Result result;
  result.work = "first";
  result.execution = "merged";
  result.size = {16, 8, 64};
  return result;
}

TEST(StepTimes, MedianIsTheMiddle) {
  EXPECT_EQ(median({3.0}), 3.0);
  EXPECT_EQ(median({9.0, 1.0, 2.0}), 2.0);
  EXPECT_EQ(median({4.0, 1.0, 9.0, 2.0}), 3.0);
  EXPECT_THROW(median({}), c10::Error);
}

TEST(StepTimes, AreThoseOfEveryCall) {
  int calls = 0;
  const auto times = step_times([&calls] { ++calls; }, 3, c10::kCPU);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(times.size(), 3);
  for (const double seconds : times) {
    EXPECT_GE(seconds, 0.0);
    EXPECT_LT(seconds, 60.0);
  }
}

TEST(BenchResult, AddsUpItsRounds) {
  Result result = first_order();
  EXPECT_FALSE(result.has_figures());
  result.add({{"seconds", {4.0, 1.0}}, {"peak_bytes", 5}});
  result.add({{"seconds", {2.0}}, {"peak_bytes", 3}});
  EXPECT_TRUE(result.has_figures());
  EXPECT_EQ(result.images_per_second(), 32.0);
  const ordered_json json = to_json(result);
  EXPECT_EQ(json["seconds"], 2.0);
  EXPECT_EQ(json["best"], 1.0);
  EXPECT_EQ(json["steps"], 3);
  EXPECT_EQ(json["images_per_s"], 32.0);
  EXPECT_EQ(json["peak_bytes"], 5);
  EXPECT_EQ(json["batch"], 64);
  for (const char* key : {"kernels", "launches", "copies", "busy_seconds", "idle_share", "flop",
                          "times_arithmetic_bound", "not_traced", "failed", "skipped"}) {
    EXPECT_TRUE(json.at(key).is_null()) << key;
  }
}

TEST(BenchResult, HasAGpusUse) {
  Result result = first_order();
  result.add({{"seconds", {0.5}}, {"peak_bytes", 1}, {"use", to_json(DeviceUse{700, 5, 12, 0.2})}});
  const ordered_json json = to_json(result);
  EXPECT_EQ(json["kernels"], 700);
  EXPECT_EQ(json["copies"], 5);
  EXPECT_EQ(json["launches"], 12);
  EXPECT_EQ(json["busy_seconds"], 0.2);
  EXPECT_DOUBLE_EQ(json["idle_share"].get<double>(), 0.6);
}

TEST(BenchResult, IsComparedWithItsArithmetic) {
  Result result = first_order();
  result.add({{"seconds", {2.0}}, {"peak_bytes", 1}});
  result.operations = 5.0;
  EXPECT_TRUE(to_json(result)["times_arithmetic_bound"].is_null());
  EXPECT_EQ(to_json(result)["flop"], 5.0);
  result.ceiling = 10.0;  // half a second
  EXPECT_EQ(to_json(result)["times_arithmetic_bound"], 4.0);
}

TEST(BenchResult, ThatFailedHasNoFigures) {
  Result result = first_order();
  result.add({{"seconds", {2.0}}, {"peak_bytes", 1}});
  result.add({{"failed", "out of memory"}});
  EXPECT_FALSE(result.has_figures());
  const ordered_json json = to_json(result);
  EXPECT_EQ(json["failed"], "out of memory");
  for (const char* key : {"seconds", "best", "images_per_s", "peak_bytes", "idle_share"}) {
    EXPECT_TRUE(json.at(key).is_null()) << key;
  }
}

TEST(BenchResult, KeepsItsTimesIfTheTraceEndedTheProcess) {
  Result result = first_order();
  result.add({{"seconds", {2.0}}, {"peak_bytes", 1}, {"failed", "ended by signal 11"}});
  EXPECT_TRUE(result.has_figures());
  const ordered_json json = to_json(result);
  EXPECT_EQ(json["seconds"], 2.0);
  EXPECT_TRUE(json["failed"].is_null());
  EXPECT_EQ(json["not_traced"], "ended by signal 11");
}

}  // namespace
}  // namespace darts
