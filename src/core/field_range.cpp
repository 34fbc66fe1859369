#include <darts/core/field_range.hpp>
#include <darts/core/text.hpp>

namespace darts {
namespace {

/// A limit without a needless ".0".
std::string limit_text(double value) {
  std::string text = format_shortest(value);
  if (const std::size_t at = text.find(".0"); at != std::string::npos) {
    const std::size_t after = at + 2;
    if (after == text.size() || text[after] == 'e') {
      text.erase(at, 2);
    }
  }
  return text;
}

}  // namespace

bool Range::contains(long double value) const {
  // Written so that NaN is outside of every limit.
  const bool above = !low_ || (low_->open ? value > low_->value : value >= low_->value);
  const bool below = !high_ || (high_->open ? value < high_->value : value <= high_->value);
  return above && below;
}

std::string Range::text() const {
  if (low_ && high_ && !low_->open && !high_->open) {
    return "between " + limit_text(low_->value) + " and " + limit_text(high_->value);
  }
  std::string text;
  if (low_) {
    text = (low_->open ? "greater than " : "at least ") + limit_text(low_->value);
  }
  if (high_) {
    text += (low_ ? " and " : "");
    text += (high_->open ? "less than " : "at most ") + limit_text(high_->value);
  }
  return text;
}

Range operator&(const Range& a, const Range& b) {
  Range both = a;
  if (b.low_ && (!a.low_ || b.low_->value > a.low_->value ||
                 (b.low_->value == a.low_->value && b.low_->open))) {
    both.low_ = b.low_;
  }
  if (b.high_ && (!a.high_ || b.high_->value < a.high_->value ||
                  (b.high_->value == a.high_->value && b.high_->open))) {
    both.high_ = b.high_;
  }
  return both;
}

Range at_least(double low) { return {Range::Limit{low, false}, std::nullopt}; }

Range greater_than(double low) { return {Range::Limit{low, true}, std::nullopt}; }

Range at_most(double high) { return {std::nullopt, Range::Limit{high, false}}; }

Range less_than(double high) { return {std::nullopt, Range::Limit{high, true}}; }

Range between(double low, double high) { return at_least(low) & at_most(high); }

Range between_exclusive(double low, double high) { return greater_than(low) & less_than(high); }

OneOf one_of(std::vector<std::string> names) { return {std::move(names)}; }

EachOf each_of(std::vector<std::string> names) { return {std::move(names)}; }

}  // namespace darts
