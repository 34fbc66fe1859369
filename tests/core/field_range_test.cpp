#include <darts/core/field_range.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

TEST(Range, KnowsItsLimits) {
  EXPECT_TRUE(at_least(1).contains(1));
  EXPECT_FALSE(at_least(1).contains(0.999L));
  EXPECT_FALSE(greater_than(0.0).contains(0));
  EXPECT_TRUE(greater_than(0.0).contains(std::numeric_limits<double>::denorm_min()));
  EXPECT_TRUE(at_most(1).contains(1));
  EXPECT_FALSE(less_than(1).contains(1));
  EXPECT_TRUE(between(0, 1).contains(0));
  EXPECT_TRUE(between(0, 1).contains(1));
  EXPECT_FALSE(between_exclusive(0, 1).contains(0));
  EXPECT_FALSE(between_exclusive(0, 1).contains(1));
  EXPECT_TRUE(Range().contains(-1e300L));
}

TEST(Range, NotANumberIsInNoLimitedRange) {
  const auto nan = std::numeric_limits<long double>::quiet_NaN();
  EXPECT_FALSE(at_least(0).contains(nan));
  EXPECT_FALSE(less_than(0).contains(nan));
}

TEST(Range, SaysWhatItTakes) {
  EXPECT_EQ(Range().text(), "");
  EXPECT_EQ(at_least(1).text(), "at least 1");
  EXPECT_EQ(greater_than(0.0).text(), "greater than 0");
  EXPECT_EQ(at_most(0.5).text(), "at most 0.5");
  EXPECT_EQ(less_than(1e-8).text(), "less than 1e-08");
  EXPECT_EQ(between(0, 64).text(), "between 0 and 64");
  EXPECT_EQ(between_exclusive(0, 1).text(), "greater than 0 and less than 1");
  EXPECT_EQ((at_least(0) & less_than(1)).text(), "at least 0 and less than 1");
}

TEST(Range, TheNarrowerLimitWins) {
  EXPECT_EQ((at_least(0) & at_least(2)).text(), "at least 2");
  EXPECT_EQ((at_least(2) & greater_than(2)).text(), "greater than 2");
  EXPECT_EQ((greater_than(2) & at_least(2)).text(), "greater than 2");
  EXPECT_EQ((at_most(3) & between(0, 5)).text(), "between 0 and 3");
  EXPECT_EQ((less_than(3) & at_most(3)).text(), "less than 3");
}

}  // namespace
}  // namespace darts
