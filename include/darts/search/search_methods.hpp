#pragma once

#include <darts/search/method.hpp>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace darts {

/// One row of the table of search methods.
struct SearchMethodRow {
  std::string_view name;
  std::string_view help;   ///< what it changes
  std::string_view paper;  ///< authors and year
  /// Test error on CIFAR-10 in percent, as published: of searches' genotypes on average where the
  /// paper has that, else of its best; empty where it is not known.
  std::string_view error;
  std::string_view gpu_days;  ///< of one search on CIFAR-10, as published; or empty
  std::unique_ptr<SearchMethod> (*make)();
  /// A method of this row with the same options.
  std::unique_ptr<SearchMethod> (*copy)(const SearchMethod&);
};

std::span<const SearchMethodRow> search_methods();

/// The row of that name; throws Error, naming those there are.
const SearchMethodRow& find_method(std::string_view name);

/// The method of that name, with the options that it has by default; throws Error likewise.
std::shared_ptr<const SearchMethod> make_method(std::string_view name = "darts");

/// One of each method, with its options: a part of a search's config.
class SearchMethods {
 public:
  SearchMethods();
  ~SearchMethods() = default;
  SearchMethods(const SearchMethods& other);
  SearchMethods& operator=(const SearchMethods& other);
  SearchMethods(SearchMethods&&) = default;
  SearchMethods& operator=(SearchMethods&&) = default;

  /// The one of that name, whose options may be set; throws Error as find_method() does.
  SearchMethod& of(std::string_view name);

  /// A copy of it.
  std::shared_ptr<const SearchMethod> get(std::string_view name) const;

 private:
  std::vector<std::unique_ptr<SearchMethod>> methods_;  ///< as search_methods()
};

}  // namespace darts
