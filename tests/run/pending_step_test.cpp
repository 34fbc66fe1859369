#include <darts/run/pending_step.hpp>

#include <ATen/Functions.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

PendingStep::Figures figures(double loss, double norm, double alpha) {
  return {at::full({}, loss, at::kFloat),
          at::full({}, norm, at::kFloat),
          at::full({}, 5, at::kLong),
          {{"norm of alpha", at::full({}, alpha, at::kFloat)}}};
}

std::string message_of(const PendingStep& step) {
  try {
    step.get();
  } catch (const NonFiniteError& error) {
    return error.what();
  }
  return "";
}

TEST(PendingStep, TellsTheFigures) {
  const StepResult result = PendingStep(figures(0.5, 2.0, 1.0)).get();
  EXPECT_EQ(result.loss, 0.5);
  EXPECT_EQ(result.gradient_norm, 2.0);
  EXPECT_EQ(result.correct, 5);
}

TEST(PendingStep, AFigureThatIsNotFiniteIsTold) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(message_of(PendingStep(figures(nan, 2.0, 1.0))),
              AllOf(HasSubstr("loss nan"), HasSubstr("gradient norm of w 2"),
                    HasSubstr("norm of alpha 1"), Not(HasSubstr("5"))));
  EXPECT_THAT(message_of(PendingStep(figures(0.5, infinity, 1.0))), HasSubstr("of w inf"));
  EXPECT_THAT(message_of(PendingStep(figures(0.5, 2.0, nan))), HasSubstr("alpha nan"));
  EXPECT_THAT(message_of(PendingStep({{}, {}, {}, {{"norm of alpha", at::full({}, nan)}}})),
              HasSubstr("norm of alpha nan"));
}

TEST(PendingStep, NormsAloneCanBeChecked) {
  EXPECT_EQ(message_of(PendingStep({{}, {}, {}, {{"norm of alpha", at::full({}, 1.0)}}})), "");
}

}  // namespace
}  // namespace darts
