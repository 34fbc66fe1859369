#include <darts/search/method.hpp>

#include <gtest/gtest.h>

#include <set>

namespace darts {
namespace {

TEST(Method, EveryMethodHasOneRowThatCanBeFound) {
  std::set<std::string_view> names;
  for (const SearchMethodRow& row : search_methods()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(&find_method(row.method), &row);
    EXPECT_EQ(row.bilevel, row.make_architect != nullptr) << row.name;
    EXPECT_FALSE(row.help.empty());
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"first", "second", "joint"}));
}

}  // namespace
}  // namespace darts
