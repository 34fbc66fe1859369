#include <darts/study/statistics.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace darts {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

using Values = std::vector<double>;

TEST(Statistics, MeanAndDeviationOfASample) {
  EXPECT_DOUBLE_EQ(mean(Values{1.0, 2.0, 6.0}), 3.0);
  EXPECT_DOUBLE_EQ(standard_deviation(Values{1.0, 2.0, 6.0}), std::sqrt(7.0));
  EXPECT_EQ(standard_deviation(Values{5.0}), 0.0);
}

// With one, two and four degrees of freedom the distribution function is elementary.
TEST(Statistics, StudentsDistributionAgreesWithItsClosedForms) {
  for (const double t : {0.0, 0.01, 0.5, 1.0, 2.5, 12.0, 300.0}) {
    EXPECT_NEAR(student_p(t, 1.0), 1.0 - 2.0 / M_PI * std::atan(t), 1e-14) << t;
    EXPECT_NEAR(student_p(t, 2.0), 1.0 - t / std::sqrt(2.0 + t * t), 1e-14) << t;
    const double x = t / std::sqrt(4.0 + t * t);
    EXPECT_NEAR(student_p(t, 4.0), 1.0 - 1.5 * x + 0.5 * x * x * x, 1e-13) << t;
    EXPECT_EQ(student_p(-t, 3.3), student_p(t, 3.3));
  }
  EXPECT_NEAR(student_p(1.96, 1e7), std::erfc(1.96 / std::sqrt(2.0)), 1e-6);
}

TEST(Statistics, QuantilesOfTheTables) {
  EXPECT_NEAR(student_quantile(0.05, 1.0), 12.706, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 2.0), 4.303, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 10.0), 2.228, 1e-3);
  EXPECT_NEAR(student_quantile(0.01, 30.0), 2.750, 1e-3);
  EXPECT_NEAR(student_p(student_quantile(0.37, 5.5), 5.5), 0.37, 1e-12);
}

TEST(Statistics, IntervalOfAMean) {
  const Interval interval = mean_interval(Values{92.0, 94.0, 93.0});
  const double half = 4.302653 / std::sqrt(3.0);
  EXPECT_NEAR(interval.low, 93.0 - half, 1e-5);
  EXPECT_NEAR(interval.high, 93.0 + half, 1e-5);
}

// R: t.test(c(1, 3, 2, 5), c(0, 1, 2, 2), paired = TRUE)
TEST(Statistics, PairsAreComparedByTheirDifferences) {
  const MeanTest test = paired_test(Values{1.0, 3.0, 2.0, 5.0}, Values{0.0, 1.0, 2.0, 2.0});
  EXPECT_DOUBLE_EQ(test.difference, 1.5);
  EXPECT_NEAR(test.t, 2.32379, 1e-5);
  EXPECT_DOUBLE_EQ(test.freedom, 3.0);
  EXPECT_NEAR(test.p, 0.10273, 1e-4);
}

TEST(Statistics, WelchsTestOfEqualSpreadIsStudents) {
  const MeanTest test = welch_test(Values{1.0, 2.0, 3.0}, Values{4.0, 5.0, 6.0});
  EXPECT_DOUBLE_EQ(test.difference, -3.0);
  EXPECT_DOUBLE_EQ(test.freedom, 4.0);
  EXPECT_NEAR(test.t, -3.0 / std::sqrt(2.0 / 3.0), 1e-12);
  EXPECT_NEAR(test.p, 0.0213, 1e-4);
}

TEST(Statistics, WelchsTestGoesByTheWiderSampleWhereSpreadsDiffer) {
  const MeanTest test = welch_test(Values{0.0, 10.0, 20.0}, Values{5.0, 5.0001, 5.0002});
  EXPECT_NEAR(test.freedom, 2.0, 1e-6);
}

TEST(Statistics, WhatDoesNotVaryIsEqualOrSurelyDifferent) {
  EXPECT_EQ(paired_test(Values{1.0, 2.0}, Values{1.0, 2.0}).p, 1.0);
  EXPECT_EQ(welch_test(Values{1.0, 1.0}, Values{2.0, 2.0}).p, 0.0);
}

TEST(Statistics, EqualValuesAreKnownToNoMoreThanTheirResolution) {
  // Two pairs that differ by ten images of a thousand each: the differences' own deviation is 0.
  const Values first{0.91, 0.81};
  const Values second{0.90, 0.80};
  EXPECT_LT(paired_test(first, second).p, 1e-9);
  const MeanTest known = paired_test(first, second, 0.001);
  EXPECT_NEAR(known.t, 0.01 / std::sqrt(2.0 * 1e-6 / 12.0 / 2.0), 1e-6);
  EXPECT_GT(known.p, 0.01);
  EXPECT_GT(welch_test(Values{0.5, 0.5}, Values{0.501, 0.501}, 0.001).p, 0.05);
  // What varies more is left as it is.
  const Values wide{0.1, 0.5, 0.3};
  EXPECT_EQ(paired_test(wide, Values{0.2, 0.1, 0.9}, 0.001).p,
            paired_test(wide, Values{0.2, 0.1, 0.9}).p);
}

TEST(Statistics, HolmTakesTheSmallestPTimesTheirNumber) {
  EXPECT_THAT(holm(Values{0.04, 0.01, 0.03}),
              ElementsAre(DoubleEq(0.06), DoubleEq(0.03), DoubleEq(0.06)));
  EXPECT_THAT(holm(Values{0.5, 0.9}), ElementsAre(DoubleEq(1.0), DoubleEq(1.0)));
  EXPECT_TRUE(holm(Values{}).empty());
}

TEST(Statistics, RanksCorrelateWhateverTheDistances) {
  EXPECT_NEAR(rank_correlation(Values{1.0, 2.0, 3.0, 4.0}, Values{1.0, 10.0, 11.0, 1e6}), 1.0,
              1e-12);
  EXPECT_NEAR(rank_correlation(Values{1.0, 2.0, 3.0}, Values{3.0, 2.0, 1.0}), -1.0, 1e-12);
  // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4.
  EXPECT_NEAR(rank_correlation(Values{1.0, 2.0, 2.0, 3.0}, Values{1.0, 2.0, 3.0, 4.0}),
              4.5 / std::sqrt(4.5 * 5.0), 1e-12);
  EXPECT_TRUE(std::isnan(rank_correlation(Values{1.0, 1.0, 1.0}, Values{1.0, 2.0, 3.0})));
  EXPECT_TRUE(std::isnan(rank_correlation(Values{1.0, 2.0}, Values{1.0, 2.0})));
}

TEST(Statistics, FewRanksAreOftenInOrderByChance) {
  // Two of the six orders of three values are as far from 0; of four values two of 24.
  EXPECT_NEAR(rank_correlation_p(Values{1.0, 2.0, 3.0}, Values{6.0, 5.0, 4.0}), 1.0 / 3.0, 1e-12);
  EXPECT_NEAR(rank_correlation_p(Values{1.0, 2.0, 3.0, 4.0}, Values{1.0, 2.0, 3.0, 9.0}),
              2.0 / 24.0, 1e-12);
  // A tie: 1, 1, 2 in either order with 1, 2, 3, where the equal ones may change places.
  EXPECT_NEAR(rank_correlation_p(Values{1.0, 1.0, 2.0}, Values{1.0, 2.0, 3.0}), 4.0 / 6.0, 1e-12);
  EXPECT_TRUE(std::isnan(rank_correlation_p(Values{1.0, 1.0, 1.0}, Values{1.0, 2.0, 3.0})));
}

// 1 − 6 Σd² / (n³ − n), and the distribution's closed form for ten degrees of freedom.
TEST(Statistics, ManyRanksGoByStudentsDistribution) {
  const Values x{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const Values y{0, 3, 1, 2, 5, 4, 9, 6, 7, 11, 8, 10};
  EXPECT_NEAR(rank_correlation(x, y), 129.0 / 143.0, 1e-12);
  EXPECT_NEAR(rank_correlation_p(x, y), 5.997857446549e-05, 1e-15);
  EXPECT_EQ(rank_correlation_p(x, x), 0.0);
}

}  // namespace
}  // namespace darts
