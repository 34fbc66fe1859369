#include <darts/core/error.hpp>
#include <darts/run/run_checkpoint.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string defaults =
    "seed: 0\nsearch:\n  # a comment: of it\n  epochs: 50\n  tf32: false\n";

std::string difference(const std::string& now, const std::string& then) {
  try {
    check_same_config(now, then, defaults, "x.ckpt");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SameConfig, AnEqualOneGoesOn) { EXPECT_EQ(difference(defaults, defaults), ""); }

TEST(SameConfig, ADifferenceIsNamedWithItsKeyBothValuesAndTheFile) {
  EXPECT_THAT(difference("seed: 1\n", "seed: 2\n"),
              AllOf(HasSubstr("now seed: 1, then seed: 2"), HasSubstr("x.ckpt")));
  EXPECT_THAT(difference("search:\n  epochs: 5\n", "search:\n  epochs: 6\n"),
              HasSubstr("now search.epochs: 5, then search.epochs: 6"));
}

TEST(SameConfig, AMissingKeyMeansItsDefault) {
  const std::string older = "seed: 0\nsearch:\n  epochs: 50\n";
  EXPECT_EQ(difference(defaults, older), "");
  EXPECT_THAT(difference("seed: 0\nsearch:\n  epochs: 50\n  tf32: true\n", older),
              HasSubstr("now search.tf32: true, then search.tf32: false"));
}

TEST(SameConfig, AKeyThatIsGoneCountsIfItSaidSomething) {
  EXPECT_THAT(difference("seed: 0\n", "seed: 0\nsearch:\n  older: 1\n"),
              HasSubstr("now search.older: not there, then search.older: 1"));
}

TEST(SameConfig, AKeyOfTheTopAfterASectionIsNotTheSections) {
  EXPECT_EQ(difference("search:\n  epochs: 50\nseed: 3\n", "seed: 3\n"), "");
}

}  // namespace
}  // namespace darts
