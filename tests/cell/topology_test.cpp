#include <darts/cell/topology.hpp>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace darts
