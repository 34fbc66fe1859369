#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/field_table.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::HasSubstr;
using Lists = std::vector<std::vector<std::string>>;
using Numbers = std::vector<std::int64_t>;

struct ListConfig {
  Numbers kept{2};
  Lists edges;
};

FieldTable fields(ListConfig& config) {
  FieldTable table;
  table.add("kept", config.kept, "edges kept", at_least(1));
  table.add("edges", config.edges, "operations of each edge", each_of({"none", "skip", "conv"}));
  return table;
}

ListConfig after(const std::string& assignment) {
  ListConfig config;
  fields(config).assign(assignment);
  return config;
}

std::string refusal(const std::string& assignment) {
  return testing::error_of([&] { after(assignment); });
}

TEST(FieldLists, NumbersAreOneOrAList) {
  EXPECT_EQ(after("kept=3").kept, Numbers{3});
  EXPECT_EQ(after("kept=[1, 2, 3]").kept, (Numbers{1, 2, 3}));
  EXPECT_THAT(refusal("kept=[]"), HasSubstr("must not be an empty list"));
  EXPECT_THAT(refusal("kept=[1, 0]"), HasSubstr("must be at least 1, got 0"));
  EXPECT_THAT(refusal("kept=[1, [2]]"), HasSubstr("expected a whole number, got a list"));
  EXPECT_THAT(refusal("kept=two"), HasSubstr("expected a whole number, got \"two\""));
}

TEST(FieldLists, ListsHoldSelections) {
  EXPECT_EQ(after("edges=[[none, conv], [skip]]").edges, (Lists{{"none", "conv"}, {"skip"}}));
  EXPECT_EQ(after("edges=[]").edges, Lists{});
  EXPECT_THAT(refusal("edges=none"), HasSubstr("expected a list of lists, got \"none\""));
  EXPECT_THAT(refusal("edges=[[none], conv]"),
              HasSubstr("list 2 in it: expected a list, got \"conv\""));
  EXPECT_THAT(refusal("edges=[[pool]]"), HasSubstr("list 1 in it: each must be one of none"));
  EXPECT_THAT(refusal("edges=[[none, none]]"), HasSubstr("names \"none\" twice"));
  EXPECT_THAT(refusal("edges=[[none, [conv]]]"), HasSubstr("expected a list of texts"));
}

TEST(FieldLists, AreReadBackAsTheyAreWritten) {
  for (const ListConfig& config :
       {ListConfig{}, ListConfig{{1, 2}, {{"none", "conv"}, {"skip"}}}}) {
    ListConfig copy = config;
    const testing::TemporaryFolder folder;
    const auto file = folder / "x.yaml";
    testing::write_text(file, fields(copy).dump());
    ListConfig read;
    fields(read).load(file);
    EXPECT_EQ(read.kept, config.kept);
    EXPECT_EQ(read.edges, config.edges);
  }
}

TEST(FieldLists, AFewAliasesCannotNameAListAMillionTimes) {
  std::string text = "a: &a [none";
  for (int i = 0; i < 200; ++i) {
    text += ", none";
  }
  text += "]\nedges: [*a";
  for (int i = 0; i < 200; ++i) {
    text += ", *a";
  }
  const testing::TemporaryFolder folder;
  const auto file = folder / "x.yaml";
  testing::write_text(file, text + "]\n");
  ListConfig config;
  EXPECT_THAT(testing::error_of([&] { fields(config).load(file); }),
              HasSubstr("x.yaml:2: edges: a list with more than 10000 items"));
}

}  // namespace
}  // namespace darts
