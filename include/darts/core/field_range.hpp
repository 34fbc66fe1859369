#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace darts {

/// Which numbers a field takes; a default-constructed range takes all.
class Range {
 public:
  struct Limit {
    double value;
    bool open;  ///< the limit itself is outside
  };

  Range() = default;
  Range(std::optional<Limit> low, std::optional<Limit> high) : low_(low), high_(high) {}

  bool contains(long double value) const;

  /// What follows "must be": "at least 1", "greater than 0 and at most 1"; empty for all numbers.
  std::string text() const;

  /// Both at once: greater_than(0.0) & at_most(1.0).
  friend Range operator&(const Range& a, const Range& b);

 private:
  std::optional<Limit> low_;
  std::optional<Limit> high_;
};

Range at_least(double low);
Range greater_than(double low);
Range at_most(double high);
Range less_than(double high);

/// [low, high], both limits included.
Range between(double low, double high);

/// (low, high), both limits excluded.
Range between_exclusive(double low, double high);

/// A text field that is one of a few names; none means any text.
struct OneOf {
  std::vector<std::string> names;
};
OneOf one_of(std::vector<std::string> names);

/// A list field that is a selection of names: at least one, none twice. No names means any list.
struct EachOf {
  std::vector<std::string> names;
};
EachOf each_of(std::vector<std::string> names);

/// Names of an enum's values, as they are written in a file.
template <class T>
struct Choices {
  std::vector<std::pair<std::string, T>> rows;
};
template <class T>
Choices<T> one_of(std::vector<std::pair<std::string, T>> rows) {
  return {std::move(rows)};
}

}  // namespace darts
