#include "search_listings.hpp"

#include <darts/core/text.hpp>
#include <darts/ops/primitive.hpp>
#include <darts/search/search_methods.hpp>

#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace darts {

void print_operations() {
  for (const PrimitiveRow& row : primitive_table()) {
    std::cout << std::left << std::setw(14) << row.name << "  " << kind_name(row.kind) << "\n";
  }
  std::cout << std::flush;
}

void print_methods() {
  std::vector<std::vector<std::string>> rows{
      {"method", "what it changes", "paper", "error, %", "GPU days"}};
  for (const SearchMethodRow& row : search_methods()) {
    const auto figure = [](std::string_view text) {
      return std::string(text.empty() ? "-" : text);
    };
    rows.push_back({std::string(row.name), std::string(row.help), std::string(row.paper),
                    figure(row.error), figure(row.gpu_days)});
  }
  std::cout << aligned(rows) << std::flush;
}

}  // namespace darts
