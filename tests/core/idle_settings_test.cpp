#include <darts/core/idle_settings.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(IdleSettings, ADumpIsReadByKeys) {
  EXPECT_THAT(
      values_of_dump("seed: 1\na:\n  # a comment: of it\n  x: [1, 2]\n  b:\n    y: \"\"\n"
                     "z: 2\n"),
      ElementsAre(Pair("a.b.y", "\"\""), Pair("a.x", "[1, 2]"), Pair("seed", "1"), Pair("z", "2")));
}

TEST(IdleSettings, AreNamedWhereTheyAreSet) {
  const std::string defaults = "a: 1\nb: 2\nc: 3\nd: 4\n";
  const std::vector<IdleRule> rules{
      {{"a", "b"}, true, "they are old"}, {{"c"}, false, "it is new"}, {{"d"}, true, "there is c"}};
  EXPECT_THAT(idle_settings(defaults, defaults, rules), ElementsAre());
  EXPECT_THAT(idle_settings("a: 2\nb: 2\nc: 5\nd: 6\n", defaults, rules),
              ElementsAre("a has no effect: they are old", "d has no effect: there is c"));
  EXPECT_THAT(idle_settings("a: 2\nb: 3\nc: 3\nd: 4\n", defaults, rules),
              ElementsAre("a, b have no effect: they are old"));
}

}  // namespace
}  // namespace darts
