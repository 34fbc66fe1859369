#pragma once

#include <darts/search/architect.hpp>

#include <memory>
#include <span>
#include <string_view>

namespace darts {

/// How the search moves alpha.
enum class SearchMethod { first, second, joint };

/// One row of the table of search methods: to add one, write its architect in a file of its own and
/// add a row to search_methods() in method.cpp. All of them share one search loop (search_run.hpp).
struct SearchMethodRow {
  SearchMethod method;
  std::string_view name;
  std::string_view help;
  /// alpha has batches of its own, from images that w never sees. If not, alpha moves with w, on
  /// all training images, by the gradient of the same loss, and `make_architect` is not used.
  bool bilevel;
  std::unique_ptr<Architect> (*make_architect)(const ArchitectContext&);
};

std::span<const SearchMethodRow> search_methods();
const SearchMethodRow& find_method(SearchMethod method);

}  // namespace darts
