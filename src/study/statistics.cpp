#include <darts/study/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace darts {
namespace {

constexpr double level = 0.05;

double square(double x) { return x * x; }

/// Of what rounding to multiples of `resolution` adds.
double rounding_variance(double resolution) { return square(resolution) / 12.0; }

/// Of a mean: deviation² / n; of the values at least `least`.
double variance_of_mean(std::span<const double> values, double least = 0.0) {
  return std::max(square(standard_deviation(values)), least) / static_cast<double>(values.size());
}

/// The continued fraction of the incomplete beta function, evaluated from the front by Lentz's
/// method (Press et al., Numerical Recipes, section 6.4, formula 6.4.5).
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  constexpr double enough = 1e-15;
  constexpr int most_terms = 10'000;
  const auto away_from_zero = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1.0;
  double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m < most_terms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
    double step = 1.0;
    for (const double term : {even, odd}) {
      d = 1.0 / away_from_zero(1.0 + term * d);
      c = away_from_zero(1.0 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (std::abs(step - 1.0) < enough) {
      break;
    }
  }
  return fraction;
}

/// The regularised incomplete beta function I_x(a, b).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0.0 || x >= 1.0) {
    return x <= 0.0 ? 0.0 : 1.0;
  }
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast below the mean; above it the mirrored one does.
  return x < (a + 1.0) / (a + b + 2.0) ? front * beta_fraction(a, b, x) / a
                                       : 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

MeanTest test_of(double difference, double variance, double freedom) {
  MeanTest test{difference, 0.0, freedom, 1.0};
  if (variance > 0.0) {
    test.t = difference / std::sqrt(variance);
    test.p = student_p(test.t, freedom);
  } else if (difference != 0.0) {  // nothing varies but between the two
    test.t = std::copysign(std::numeric_limits<double>::infinity(), difference);
    test.p = 0.0;
  }
  return test;
}

/// Ranks from 1; equal values have the mean of theirs.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<double> ranks;
  for (const double value : values) {
    const auto below = std::ranges::count_if(values, [=](double other) { return other < value; });
    const auto equal = std::ranges::count(values, value);
    ranks.push_back(static_cast<double>(below) + 0.5 * static_cast<double>(equal + 1));
  }
  return ranks;
}

/// The correlation of two lists of ranks. NaN where either does not vary.
double correlation(std::span<const double> a, std::span<const double> b) {
  const double spread = standard_deviation(a) * standard_deviation(b);
  if (!(spread > 0.0)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double mean_a = mean(a);
  const double mean_b = mean(b);
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - mean_a) * (b[i] - mean_b);
  }
  return sum / static_cast<double>(a.size() - 1) / spread;
}

/// The share of the orders of `b` in which it correlates with `a` at least as much as `found`.
double share_of_orders(std::span<const double> a, std::span<const double> b, double found) {
  constexpr double rounding = 1e-9;
  std::vector<std::size_t> order(b.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> ordered(b.size());
  double orders = 0.0;
  double as_far = 0.0;
  do {
    std::ranges::transform(order, ordered.begin(), [&](std::size_t i) { return b[i]; });
    orders += 1.0;
    as_far += std::abs(correlation(a, ordered)) >= std::abs(found) - rounding ? 1.0 : 0.0;
  } while (std::ranges::next_permutation(order).found);
  return as_far / orders;
}

}  // namespace

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) {
    return 0.0;
  }
  const double center = mean(values);
  double sum = 0.0;
  for (const double value : values) {
    sum += square(value - center);
  }
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double student_p(double t, double freedom) {
  return incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + square(t)));
}

double student_quantile(double p, double freedom) {
  double low = 0.0;
  double high = 1.0;
  while (student_p(high, freedom) > p) {
    high *= 2.0;
  }
  constexpr int halvings = 80;
  for (int i = 0; i < halvings; ++i) {
    const double middle = 0.5 * (low + high);
    (student_p(middle, freedom) > p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Interval mean_interval(std::span<const double> values) {
  const double half = student_quantile(level, static_cast<double>(values.size() - 1)) *
                      std::sqrt(variance_of_mean(values));
  return {mean(values) - half, mean(values) + half};
}

MeanTest paired_test(std::span<const double> first, std::span<const double> second,
                     double resolution) {
  std::vector<double> differences(first.size());
  std::ranges::transform(first, second, differences.begin(), std::minus());
  return test_of(mean(differences),
                 variance_of_mean(differences, 2.0 * rounding_variance(resolution)),
                 static_cast<double>(first.size() - 1));
}

MeanTest welch_test(std::span<const double> first, std::span<const double> second,
                    double resolution) {
  const double a = variance_of_mean(first, rounding_variance(resolution));
  const double b = variance_of_mean(second, rounding_variance(resolution));
  const double freedom = a + b > 0.0
                             ? square(a + b) / (square(a) / static_cast<double>(first.size() - 1) +
                                                square(b) / static_cast<double>(second.size() - 1))
                             : static_cast<double>(first.size() + second.size() - 2);
  return test_of(mean(first) - mean(second), a + b, freedom);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double least = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    least = std::max(least, std::min(1.0, static_cast<double>(p.size() - i) * p[order[i]]));
    corrected[order[i]] = least;
  }
  return corrected;
}

double rank_correlation(std::span<const double> x, std::span<const double> y) {
  return x.size() < 3 ? std::numeric_limits<double>::quiet_NaN() : correlation(ranks(x), ranks(y));
}

double rank_correlation_p(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t most_in_all_orders = 8;
  const double found = rank_correlation(x, y);
  if (std::isnan(found)) {
    return found;
  }
  if (x.size() <= most_in_all_orders) {
    return share_of_orders(ranks(x), ranks(y), found);
  }
  const auto freedom = static_cast<double>(x.size() - 2);
  const double rest = 1.0 - square(found);
  return rest > 0.0 ? student_p(found * std::sqrt(freedom / rest), freedom) : 0.0;
}

}  // namespace darts
