#include <darts/search/order.hpp>

#include <array>
#include <stdexcept>

namespace darts {
namespace {

constexpr std::array<SearchOrderRow, 3> table{{
    {SearchOrder::first, "first", "alternate alpha and w; alpha by the gradient at the current w",
     true, make_first_order_architect},
    {SearchOrder::second, "second",
     "alternate alpha and w; alpha by the gradient through one unrolled step of w", true,
     make_second_order_architect},
    {SearchOrder::joint, "joint",
     "move alpha and w together on all training images (the paper's single-level baseline)", false,
     nullptr},
}};

}  // namespace

std::span<const SearchOrderRow> search_orders() { return table; }

const SearchOrderRow& find_order(SearchOrder order) {
  for (const SearchOrderRow& row : table) {
    if (row.order == order) {
      return row;
    }
  }
  throw std::logic_error("a search order without a row in the table");
}

}  // namespace darts
