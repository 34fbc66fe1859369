#pragma once

#include <darts/search/architect.hpp>
#include <darts/search/search_order.hpp>

#include <memory>
#include <span>
#include <string_view>

namespace darts {

/// One row of the table of orders: to add one, write its architect in a file of its own and add a
/// row to search_orders() in order.cpp.
struct SearchOrderRow {
  SearchOrder order;
  std::string_view name;
  std::string_view help;
  /// alpha has batches of its own, from images that w never sees. If not, alpha moves with w, on
  /// all training images, by the gradient of the same loss, and `make_architect` is not used.
  bool bilevel;
  std::unique_ptr<Architect> (*make_architect)(const ArchitectContext&);
};

std::span<const SearchOrderRow> search_orders();
const SearchOrderRow& find_order(SearchOrder order);

}  // namespace darts
