#include "fixtures.hpp"

#include <darts/data/split.hpp>

namespace darts {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SplitIndices, TakesTheFirstPartInFileOrder) {
  const IndexSplit split = split_indices(7, 0.5);  // ⌊3.5⌋
  EXPECT_THAT(split.first, ElementsAre(0, 1, 2));
  EXPECT_THAT(split.rest, ElementsAre(3, 4, 5, 6));
}

TEST(SplitIndices, GoesToBothEnds) {
  EXPECT_THAT(split_indices(2, 1.0).rest, IsEmpty());
  EXPECT_THAT(split_indices(2, 0.0).first, IsEmpty());
  EXPECT_EQ(split_indices(50'000, 0.5).first.size(), 25'000U);
}

TEST(SplitIndices, RefusesAPortionOutOfRange) {
  EXPECT_THAT(test::error_of([] { split_indices(2, 1.5); }), HasSubstr("must lie in [0, 1]"));
  EXPECT_NE(test::error_of([] { split_indices(2, std::nan("")); }), "");
}

}  // namespace
}  // namespace darts
