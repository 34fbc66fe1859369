// The order of packed weights, written out for vectors of four elements, which every machine has;
// and what holds of it for all instruction sets.
#include "kernels/packing.hpp"

#include "ops/forced_target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace darts {
namespace {

using kernels::PackedBlock;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

using Values = std::vector<float>;

constexpr float untouched = -1.0F;

/// Of the weights 0, 1, 2, …, output by output.
Values numbers(std::int64_t count) {
  Values values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

Values room_for(const PackedBlock& block) {
  const std::int64_t size = kernels::packed_size<float>(block.rows, block.columns);
  return Values(static_cast<std::size_t>(size), untouched);
}

Values packed(std::int64_t outputs, std::int64_t inputs, const PackedBlock& block) {
  Values to = room_for(block);
  kernels::pack_pointwise(numbers(outputs * inputs).data(), outputs, inputs, block, to.data());
  return to;
}

Values packed_transposed(std::int64_t outputs, std::int64_t inputs, const PackedBlock& block) {
  Values to = room_for(block);
  kernels::pack_transposed(numbers(outputs * inputs).data(), outputs, inputs, block, to.data());
  return to;
}

/// Calls `action` under the instruction sets with vectors of four floats.
template <class Action>
void for_each_target_of_four(const Action& action) {
  int tried = 0;
  testing::for_each_target([&] {
    if (kernels::channel_multiple<float>() == 4) {
      action();
      ++tried;
    }
  });
  EXPECT_GE(tried, 1);
}

TEST(PackDepthwise, ChannelsComeNextToEachOtherTapByTap) {
  const Values weight{11, 12, 13,   // channel 1: three taps
                      21, 22, 23};  // channel 2
  Values to(12, untouched);
  kernels::pack_depthwise(weight.data(), 2, 3, 4, to.data());
  EXPECT_THAT(to, ElementsAre(11, 21, -1, -1,  //
                              12, 22, -1, -1,  //
                              13, 23, -1, -1));
  Values back(6, untouched);
  kernels::unpack_depthwise(to.data(), 2, 3, 4, back.data());
  EXPECT_EQ(back, weight);
}

TEST(PackPointwise, OfFewColumnsIsOnePanelOfRows) {
  for_each_target_of_four([] {
    // Three outputs of two inputs: 0 1, 2 3, 4 5.
    EXPECT_THAT(packed(3, 2, {2, 3}), ElementsAre(0, 2, 4, -1,  //
                                                  1, 3, 5, -1));
    EXPECT_THAT(packed_transposed(3, 2, {3, 2}), ElementsAre(0, 1, -1, -1,  //
                                                             2, 3, -1, -1,  //
                                                             4, 5, -1, -1));
  });
}

TEST(PackPointwise, OfManyColumnsIsPanelsOfTwoVectorsAndANarrowerOne) {
  for_each_target_of_four([] {
    EXPECT_THAT(packed(10, 2, {2, 10}), ElementsAre(0, 2, 4, 6, 8, 10, 12, 14,  // input 0
                                                    1, 3, 5, 7, 9, 11, 13, 15,  // input 1
                                                    16, 18, -1, -1,             // outputs 8, 9
                                                    17, 19, -1, -1));
  });
}

TEST(PackPointwise, ABlockGoesToItsPlaceAndLeavesTheRestAlone) {
  for_each_target_of_four([] {
    // One output of two inputs: 0 1; the last column of three, in rows 1 and 2 of four.
    EXPECT_THAT(packed(1, 2, {4, 3, 1, 2}), ElementsAre(-1, -1, -1, -1,  //
                                                        -1, -1, 0, -1,   //
                                                        -1, -1, 1, -1,   //
                                                        -1, -1, -1, -1));
    // Columns 7 and 8 of nine lie in two panels.
    EXPECT_THAT(packed(2, 1, {1, 9, 0, 7}), ElementsAre(-1, -1, -1, -1, -1, -1, -1, 0,  //
                                                        1, -1, -1, -1));
  });
}

/// Vectors of sixteen floats have narrow panels of half a vector.
TEST(PackedSize, FollowsThePanels) {
  struct Expected {
    std::int64_t lanes;
    std::vector<std::int64_t> columns;  ///< with those that pad, of 1, 8, 9, 16, 17, 36, 40 and 41
  };
  const std::vector<Expected> table{{4, {4, 8, 12, 16, 20, 36, 40, 44}},
                                    {8, {8, 8, 16, 16, 24, 40, 40, 48}},
                                    {16, {8, 8, 16, 16, 24, 40, 40, 48}}};
  testing::for_each_target([&] {
    const auto row = std::ranges::find(table, kernels::channel_multiple<float>(), &Expected::lanes);
    if (row == table.end()) {
      return;
    }
    std::vector<std::int64_t> found;
    for (const std::int64_t columns : {1, 8, 9, 16, 17, 36, 40, 41}) {
      found.push_back(kernels::packed_size<float>(1, columns));
      EXPECT_EQ(kernels::packed_size<float>(3, columns), 3 * found.back()) << columns;
    }
    EXPECT_THAT(found, ElementsAreArray(row->columns)) << row->lanes << " lanes";
  });
}

TEST(PackPointwise, EveryWeightHasAPlaceOfItsOwnAndComesBack) {
  testing::for_each_target([] {
    for (const std::int64_t outputs : {1, 7, 16, 36, 41}) {
      for (const std::int64_t inputs : {1, 3, 20}) {
        const Values weight = numbers(outputs * inputs);
        const PackedBlock block{inputs, outputs};
        const Values to = packed(outputs, inputs, block);
        Values found = to;
        std::erase(found, untouched);
        std::ranges::sort(found);
        EXPECT_EQ(found, weight);
        Values back(weight.size(), untouched);
        kernels::unpack_pointwise(to.data(), block, outputs, inputs, back.data());
        EXPECT_EQ(back, weight);
      }
    }
  });
}

TEST(PackPointwise, TransposedIsThePackingOfTheTransposedWeights) {
  testing::for_each_target([] {
    constexpr std::int64_t outputs = 11;
    constexpr std::int64_t inputs = 21;
    Values transposed;
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        transposed.push_back(static_cast<float>(o * inputs + i));
      }
    }
    const PackedBlock block{outputs, inputs};
    Values expected = room_for(block);
    kernels::pack_pointwise(transposed.data(), inputs, outputs, block, expected.data());
    EXPECT_EQ(packed_transposed(outputs, inputs, block), expected);
  });
}

}  // namespace
}  // namespace darts
