#pragma once

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

// What the tables have in common whose rows have a `name`: primitives, methods, spaces, data sets.

/// The names, in the order of the rows.
template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    names.emplace_back(row.name);
  }
  return names;
}

/// Whether there is a row of that name.
template <class Rows>
bool has_row(const Rows& rows, std::string_view name) {
  return std::ranges::any_of(rows, [&](const auto& row) { return row.name == name; });
}

/// The row of that name, a part of `rows`. Throws Error, which names those there are; `what` is
/// what the rows are: "operation".
template <class Rows>
const auto& find_row(const Rows& rows, std::string_view name, const std::string& what) {
  const auto found = std::ranges::find_if(rows, [&](const auto& row) { return row.name == name; });
  if (found == std::ranges::end(rows)) {
    throw Error("unknown " + what + " " + in_quotes(name) + "; known are " + join(names_of(rows)));
  }
  return *found;
}

}  // namespace darts
