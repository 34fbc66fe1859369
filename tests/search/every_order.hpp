#pragma once

#include <darts/search/order.hpp>

#include <vector>

namespace darts::testing {

/// All orders of the table, which tests of every order are run for.
inline std::vector<SearchOrder> every_order() {
  std::vector<SearchOrder> orders;
  for (const SearchOrderRow& row : search_orders()) {
    orders.push_back(row.order);
  }
  return orders;
}

}  // namespace darts::testing
