#include <darts/cell/topology.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace darts {
namespace {

TEST(Topology, EdgesOfOneToFourNodes) {
  EXPECT_EQ(edge_count(1), 2);
  EXPECT_EQ(edge_count(2), 5);
  EXPECT_EQ(edge_count(3), 9);
  EXPECT_EQ(edge_count(4), 14);
}

TEST(Topology, EdgesAreNumberedNodeByNode) {
  std::int64_t edge = 0;
  for (std::int64_t node = 0; node < 7; ++node) {
    EXPECT_EQ(first_edge(node), edge);
    EXPECT_EQ(predecessors(node), node + 2);
    edge += predecessors(node);
  }
}

TEST(Topology, ReductionCellsStandAtThirds) {
  const auto reductions = [](std::int64_t cells) {
    std::vector<std::int64_t> found;
    for (std::int64_t i = 0; i < cells; ++i) {
      if (is_reduction_cell(i, cells)) {
        found.push_back(i);
      }
    }
    return found;
  };
  EXPECT_EQ(reductions(8), (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(reductions(20), (std::vector<std::int64_t>{6, 13}));
  EXPECT_EQ(reductions(14), (std::vector<std::int64_t>{4, 9}));
  EXPECT_EQ(reductions(1), (std::vector<std::int64_t>{0}));
}

}  // namespace
}  // namespace darts
