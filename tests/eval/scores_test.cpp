#include <darts/eval/scores.hpp>

#include <ATen/ops/tensor.h>
#include <torch/types.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace darts {
namespace {

TEST(TestScores, CountsTopOneTopFiveClassesAndConfusion) {
  TestScores scores(7);
  // Logits fall from class 0 to class 6: 0 is always first, 0 to 4 are the top five.
  const at::Tensor logits = torch::tensor({6., 5., 4., 3., 2., 1., 0.}).repeat({4, 1});
  scores.add(logits, torch::tensor({0, 4, 5, 0}, at::kLong));
  scores.add(logits.slice(0, 0, 1), torch::tensor({6}, at::kLong));
  EXPECT_EQ(scores.images(), 5);
  EXPECT_DOUBLE_EQ(scores.top1(), 0.4);
  EXPECT_DOUBLE_EQ(scores.top5(), 0.6);
  EXPECT_DOUBLE_EQ(scores.accuracy_of(0), 1.0);
  EXPECT_DOUBLE_EQ(scores.accuracy_of(4), 0.0);
  EXPECT_TRUE(std::isnan(scores.accuracy_of(1)));
  EXPECT_EQ(scores.confusion()[5][0].item<std::int64_t>(), 1);
  EXPECT_EQ(scores.confusion().sum().item<std::int64_t>(), 5);
  double normaliser = 0.0;
  for (int i = 0; i < 7; ++i) {
    normaliser += std::exp(i);
  }
  const double sum_of_label_logits = 6 + 2 + 1 + 6 + 0;
  EXPECT_NEAR(scores.loss(), std::log(normaliser) - sum_of_label_logits / 5.0, 1e-12);
}

TEST(TestScores, OfVeryManyClassesKeepsEveryClassButNoConfusion) {
  constexpr std::int64_t classes = TestScores::most_confused + 1;
  TestScores scores(classes);
  at::Tensor logits = torch::zeros({3, classes});
  logits.select(1, 7).fill_(1.0);
  scores.add(logits, torch::tensor({7, 2000, 2000}, at::kLong));
  EXPECT_FALSE(scores.confusion().defined());
  EXPECT_DOUBLE_EQ(scores.accuracy_of(7), 1.0);
  EXPECT_DOUBLE_EQ(scores.accuracy_of(2000), 0.0);
  const auto report = to_json(scores, std::vector<std::string>(classes, "name"));
  EXPECT_EQ(report.at("classes").at(2000).at("images"), 2);
  EXPECT_TRUE(report.at("confusion").is_null());
}

TEST(TestScores, FewerThanFiveClassesAreAllAmongTheTopFive) {
  TestScores scores(3);
  scores.add(torch::tensor({{1., 0., 2.}}), torch::tensor({1}, at::kLong));
  EXPECT_DOUBLE_EQ(scores.top1(), 0.0);
  EXPECT_DOUBLE_EQ(scores.top5(), 1.0);
}

TEST(TestScores, CountsImagesWhoseLogitsAreNotFinite) {
  TestScores scores(2);
  scores.add(torch::tensor({{1., 0.}, {std::nan(""), 0.}, {0., HUGE_VAL}}),
             torch::tensor({0, 1, 0}, at::kLong));
  EXPECT_EQ(scores.images(), 3);
  EXPECT_EQ(scores.non_finite(), 2);
}

TEST(TestScores, ReportNamesTheClasses) {
  TestScores scores(2);
  scores.add(torch::tensor({{1., 0.}, {1., 0.}}), torch::tensor({0, 1}, at::kLong));
  const auto report = to_json(scores, {"cat", "dog"});
  EXPECT_EQ(report.at("classes").at(1).at("name"), "dog");
  EXPECT_EQ(report.at("classes").at(1).at("accuracy"), 0.0);
  EXPECT_EQ(report.at("confusion").at(1).at(0), 1);
}

}  // namespace
}  // namespace darts
