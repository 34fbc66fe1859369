#include "core/expect_error.hpp"

#include <darts/cell/cell_primitives.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

const std::vector<Primitive> two = parse_primitives({"none", "skip_connect"});
const std::vector<Primitive> three = parse_primitives({"none", "skip_connect", "sep_conv_3x3"});

TEST(CellPrimitives, OneSetIsThatOfEveryEdge) {
  const CellPrimitives primitives = two;
  EXPECT_TRUE(primitives.same_everywhere());
  EXPECT_EQ(primitives.of(0), two);
  EXPECT_EQ(primitives.of(100), two);
  EXPECT_EQ(primitives.columns(), 2);
  primitives.check_nodes(17);
}

TEST(CellPrimitives, EveryEdgeHasItsOwnAndARowTheWidthOfTheLongest) {
  const CellPrimitives primitives(std::vector{two, three});
  EXPECT_FALSE(primitives.same_everywhere());
  EXPECT_EQ(primitives.of(0), two);
  EXPECT_EQ(primitives.of(1), three);
  EXPECT_EQ(primitives.columns(), 3);
  primitives.check_nodes(1);
  EXPECT_THAT(error_of([&] { primitives.check_nodes(4); }),
              HasSubstr("a cell of 4 nodes has 14 edges; operations are given for 2"));
}

TEST(CellPrimitives, AnEdgeWithoutOperationsIsAnError) {
  EXPECT_THAT(error_of([] {
                CellPrimitives(std::vector{two, std::vector<Primitive>{}});
              }),
              HasSubstr("edge 1 offers no operation"));
  EXPECT_THAT(error_of([] { CellPrimitives(std::vector<std::vector<Primitive>>{}); }),
              HasSubstr("no operation"));
}

}  // namespace
}  // namespace darts
