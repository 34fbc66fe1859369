#include <darts/search/method.hpp>

#include <array>
#include <stdexcept>

namespace darts {
namespace {

constexpr std::array<SearchMethodRow, 3> table{{
    {SearchMethod::first, "first", "alternate alpha and w; alpha by the gradient at the current w",
     true, make_first_order_architect},
    {SearchMethod::second, "second",
     "alternate alpha and w; alpha by the gradient through one unrolled step of w", true,
     make_second_order_architect},
    {SearchMethod::joint, "joint",
     "move alpha and w together on all training images (the paper's single-level baseline)", false,
     nullptr},
}};

}  // namespace

std::span<const SearchMethodRow> search_methods() { return table; }

const SearchMethodRow& find_method(SearchMethod method) {
  for (const SearchMethodRow& row : table) {
    if (row.method == method) {
      return row;
    }
  }
  throw std::logic_error("a search method without a row in the table");
}

}  // namespace darts
