#pragma once

#include <span>
#include <vector>

namespace darts {

// What a study says of a few numbers: as many as it has seeds.

double mean(std::span<const double> values);

/// Of the sample, over n − 1; 0 for a single value.
double standard_deviation(std::span<const double> values);

/// P(|T| > |t|) of Student's distribution with `freedom` degrees of freedom (> 0, any real).
double student_p(double t, double freedom);

/// The t for which student_p() is `p` in (0, 1].
double student_quantile(double p, double freedom);

/// An interval that holds the mean of the distribution in 95 of 100 samples, if it is normal.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};
/// Of at least two values.
Interval mean_interval(std::span<const double> values);

/// A test of whether two means differ.
struct MeanTest {
  double difference = 0.0;  ///< of the means, first − second
  double t = 0.0;
  double freedom = 0.0;
  double p = 1.0;  ///< of a difference this large by chance, both signs; 1 where nothing varies
};

// `resolution`: the values are known to multiples of it. Where they vary by less than rounding to
// these does, that is taken for their variance, since a few of them are easily equal by chance.

/// Student's test of pairs: values at the same place belong together. At least two.
MeanTest paired_test(std::span<const double> first, std::span<const double> second,
                     double resolution = 0.0);

/// Welch's test of two samples that may vary differently. At least two values each.
MeanTest welch_test(std::span<const double> first, std::span<const double> second,
                    double resolution = 0.0);

/// Holm's correction of p values for there being so many, in their order: what remains below a
/// level p is, all together, right with a chance of 1 − p.
std::vector<double> holm(std::span<const double> p);

/// Spearman's rank correlation; ties have their mean rank. NaN where either does not vary, or of
/// fewer than three values.
double rank_correlation(std::span<const double> x, std::span<const double> y);

/// How often values that have nothing to do with each other would have a rank correlation as far
/// from 0: of all orders of them up to eight values, by Student's distribution of more. NaN where
/// there is no correlation.
double rank_correlation_p(std::span<const double> x, std::span<const double> y);

}  // namespace darts
