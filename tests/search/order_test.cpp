#include <darts/search/order.hpp>

#include <gtest/gtest.h>

#include <set>

namespace darts {
namespace {

TEST(Order, EveryOrderHasOneRowThatCanBeFound) {
  std::set<std::string_view> names;
  for (const SearchOrderRow& row : search_orders()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(&find_order(row.order), &row);
    EXPECT_EQ(row.bilevel, row.make_architect != nullptr) << row.name;
    EXPECT_FALSE(row.help.empty());
  }
  EXPECT_TRUE(names.contains("first") && names.contains("second"));  // the paper's
}

}  // namespace
}  // namespace darts
