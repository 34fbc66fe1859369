#include "report.hpp"

#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;

Result result_of(const std::string& work) {
  Result result;
  result.work = work;
  result.execution = "plain";
  return result;
}

std::string error_of(const Report& report) {
  try {
    check_none_failed(report);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(BenchReport, FileHasWhatIsKnownSoFar) {
  const testing::TemporaryFolder folder;
  const std::string file = (folder / "report.json").string();
  Report report(file, {{"format", "darts-bench"}});
  EXPECT_EQ(ordered_json::parse(read_file(file)).dump(),
            R"({"format":"darts-bench","results":[]})");

  Result& first = report.add(result_of("first"));
  report.add(result_of("second"));
  first.add({{"seconds", {1.5}}, {"peak_bytes", 1}});
  report.write();
  const auto json = ordered_json::parse(read_file(file));
  ASSERT_EQ(json["results"].size(), 2);
  EXPECT_EQ(json["results"][0]["work"], "first");
  EXPECT_EQ(json["results"][0]["seconds"], 1.5);
  EXPECT_TRUE(json["results"][1]["seconds"].is_null());
}

TEST(BenchReport, WithoutAFileWritesNone) {
  EXPECT_NO_THROW(Report({}, ordered_json::object()).write());
}

TEST(BenchReport, SaysAtOnceThatAPlaceCannotBeWritten) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(Report((folder / "not_there/report.json").string(), {}), Error);
}

TEST(BenchReport, CountsWhatFailed) {
  Report report({}, ordered_json::object());
  report.add(result_of("first")).skipped = "not started: --max-seconds";
  EXPECT_EQ(error_of(report), "");
  report.add(result_of("alpha")).failed = "out of memory";
  report.add(result_of("w")).failed = "killed";
  EXPECT_EQ(error_of(report), "2 of 3 measurements failed; the first, alpha, plain: out of memory");
}

}  // namespace
}  // namespace darts
