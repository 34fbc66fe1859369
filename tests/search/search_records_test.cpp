#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/search/search_records.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
