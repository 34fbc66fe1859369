#include <darts/cell/network_memory.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

/// Two cells, both reductions, behind a stem of 12 channels: images of 8×8×3.
NetworkSizes two_cells() {
  NetworkSizes sizes;
  sizes.stem = {NetworkStem::cifar, 3, 12};
  sizes.cells = 2;
  sizes.channels = 4;
  sizes.height = 8;
  sizes.width = 8;
  sizes.classes = 10;
  CellContents contents;
  contents.operations.elements = {0, 9, 1};  // a depthwise and a pointwise convolution
  contents.operations.tensors = 5;
  contents.normalized = 3;
  contents.states = 1;
  contents.outputs = 2;
  sizes.contents = {contents, contents};
  return sizes;
}

TEST(NetworkMemory, CountsParameters) {
  const double stem = 3 * 12 * 9 + 2 * 12;
  const double first = (12 + 12) * 8 + 8 * 9 + 8 * 8;
  const double second = (12 + 16) * 16 + 16 * 9 + 16 * 16;
  EXPECT_EQ(network_memory(two_cells()).parameters, stem + first + second + (2 * 16 + 1) * 10);
  NetworkSizes affine = two_cells();
  affine.affine = true;
  EXPECT_EQ(network_memory(affine).parameters - network_memory(two_cells()).parameters,
            2 * 2 * (8 + 16));
  EXPECT_EQ(network_memory(two_cells()).tensors, 4 + 2 * (5 + 2 * 4) + 2);
}

/// The stem's 12 maps of 8×8, twice; the first cell's 8 channels come as 8×8 and leave as 4×4, the
/// second's 16 as 4×4 and as 2×2.
TEST(NetworkMemory, CountsWhatIsKeptForTheBackwardPass) {
  const NetworkMemory memory = network_memory(two_cells());
  const double first_ends = 4 * 8 * 64 + 2 * 8 * 16;
  const double first_inside = (3 + 1) * 8 * 16;
  const double second_ends = 4 * 16 * 16 + 2 * 16 * 4;
  const double second_inside = (3 + 1) * 16 * 4;
  const double stem = 2 * 12 * 64;
  EXPECT_EQ(memory.kept, stem + first_ends + first_inside + second_ends + second_inside);
  EXPECT_EQ(memory.kept_to_recompute, stem + first_ends + second_ends + first_inside);
}

TEST(NetworkMemory, WithoutABackwardPassHasThreeCellsOutputsAtOnce) {
  EXPECT_EQ(network_memory(two_cells()).passing, 12 * 64 + 2 * 8 * 16 + 2 * 16 * 4);
}

/// Sizes are rounded up as those of convolutions: 9 → 5 → 3 → 2 in the stem, then 1.
TEST(NetworkMemory, OfAnImagenetStem) {
  NetworkSizes sizes = two_cells();
  sizes.stem.kind = NetworkStem::imagenet;
  sizes.cells = 1;
  sizes.height = 9;
  sizes.width = 9;
  const double stem = 2 * (6 * 25 + 12 * 9 + 12 * 4);
  EXPECT_EQ(network_memory(sizes).kept, stem + 4 * 8 * 4 + 2 * 8 + (3 + 1) * 8);
}

TEST(NetworkMemory, OfAbsurdSizesIsStillANumber) {
  NetworkSizes sizes = two_cells();
  sizes.cells = 1000;
  sizes.channels = 4096;
  sizes.height = 65536;
  sizes.width = 65536;
  EXPECT_GT(network_memory(sizes).kept, 1e15);
}

}  // namespace
}  // namespace darts
