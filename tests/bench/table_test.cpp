#include "table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace darts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result result_with(const std::string& execution, const nlohmann::ordered_json& told) {
  Result result;
  result.execution = execution;
  result.size.batch = 64;
  result.operations = 1e12;
  result.ceiling = 1e13;
  result.add(told);
  return result;
}

const Result plain = result_with("plain", {{"seconds", {2.0}}, {"peak_bytes", 1500000000}});
const Result graph = result_with("merged+graph", {{"seconds", {0.5}},
                                                  {"peak_bytes", 2000000000},
                                                  {"use", to_json(DeviceUse{12345, 6, 7, 0.125})}});

std::string printed(bool gpu) {
  std::ostringstream out;
  Table table(out, {gpu, false}, {"first"}, {"plain", "merged+graph"});
  table.print_head("");
  table.print_row("first", plain, plain);
  table.print_row("first", graph, plain);
  return out.str();
}

TEST(BenchTable, OfACpu) {
  EXPECT_EQ(printed(false),
            "       execution            time   images/s       peak   ratio\n"
            "first  plain             2.000 s       32.0    1.50 GB        \n"
            "first  merged+graph     500.0 ms      128.0    2.00 GB    4.00\n");
}

TEST(BenchTable, OfAGpuHasItsColumns) {
  EXPECT_EQ(printed(true),
            "       execution            time   images/s       peak   ratio"
            "  kernels  launches   idle  x bound\n"
            "first  plain             2.000 s       32.0    1.50 GB        "
            "                               20.0\n"
            "first  merged+graph     500.0 ms      128.0    2.00 GB    4.00"
            "   12,345         7   75 %      5.0\n");
}

TEST(BenchTable, SaysWhyThereIsNoResult) {
  std::ostringstream out;
  Table table(out, {true, false}, {"w"}, {"plain"});
  Result failed = result_with("plain", {{"failed", "out of memory"}});
  table.print_row("w", failed, failed);
  EXPECT_THAT(out.str(), HasSubstr("no result: out of memory\n"));

  Result skipped;
  skipped.execution = "plain";
  skipped.skipped = "not started: --max-seconds";
  out.str("");
  table.print_row("w", skipped, failed);
  EXPECT_THAT(out.str(), HasSubstr("  not started: --max-seconds\n"));

  out.str("");
  table.print_row("w", plain, failed);  // no ratio to what failed
  EXPECT_THAT(out.str(), HasSubstr("2.000 s"));
  EXPECT_THAT(out.str(), Not(HasSubstr("nan")));
}

TEST(BenchTable, SaysWhyAStepWasNotTraced) {
  std::ostringstream out;
  Table table(out, {true, false}, {"w"}, {"plain"});
  const Result result = result_with(
      "plain", {{"seconds", {2.0}}, {"peak_bytes", 1}, {"not_traced", "CUPTI told of no kernels"}});
  table.print_row("w", result, result);
  EXPECT_THAT(out.str(), HasSubstr("  not traced: CUPTI told of no kernels\n"));
}

}  // namespace
}  // namespace darts
