#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/search/method.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/search_records.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SearchRecords, AMethodsFiguresHaveTheDecimalsThatItSays) {
  EpochSummary summary;
  summary.figures = {{"stage", 1.0, 0}, {"dropout", 0.25}};
  EXPECT_THAT(describe(summary, 6), HasSubstr("  stage 1  dropout 0.250  "));
  const nlohmann::json expected{{"stage", 1.0}, {"dropout", 0.25}};
  EXPECT_EQ(to_json(summary).at("method"), expected);
}

TEST(SearchRecords, AStageIsAWholeNumber) {
  SearchConfig config;
  config.search.method = "p-darts";
  EpochSummary summary;
  summary.figures = search_method(config)->figures({.stage = 1});
  EXPECT_THAT(describe(summary, 6), HasSubstr("  stage 2  dropout "));
}

TEST(SearchRecords, ListsOfDifferentLengthsAreNoTensor) {
  const testing::TemporaryFolder folder;
  const auto read = [&](const std::string& theta) {
    const auto file = testing::write_text(
        folder / "alphas.jsonl",
        R"({"epoch": 1, "primitives": ["none"], "normal": [[1]], "reduce": [[2]], "theta": )" +
            theta + "}\n");
    return read_theta(file, -1).theta;
  };
  EXPECT_EQ(read(R"({"betas_normal": [[1, 2], [3, 4]]})").at("betas_normal").numel(), 4);
  EXPECT_THAT(testing::error_of([&] { read(R"({"betas_normal": [[1, 2], [3]]})"); }),
              AllOf(HasSubstr("alphas.jsonl: "), HasSubstr("different lengths")));
}

}  // namespace
}  // namespace darts
