#include <darts/search/methods/random_search.hpp>
#include <darts/search/supernet.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace darts {
namespace {

constexpr int draws = 2000;

/// Expects each of `outcomes` equally likely ones to have come up as often as chance allows: within
/// five standard deviations.
template <class Outcome>
void expect_uniform(const std::map<Outcome, int>& counts, std::size_t outcomes, int total) {
  EXPECT_EQ(counts.size(), outcomes);
  const double share = 1.0 / static_cast<double>(outcomes);
  const double mean = share * total;
  const double deviation = std::sqrt(mean * (1.0 - share));
  for (const auto& [outcome, count] : counts) {
    EXPECT_NEAR(count, mean, 5.0 * deviation);
  }
}

std::set<std::int64_t> predecessors_of(const std::vector<GenotypeEdge>& node) {
  std::set<std::int64_t> states;
  for (const GenotypeEdge& edge : node) {
    states.insert(edge.from);
  }
  return states;
}

TEST(RandomSearch, DrawsWhatASearchWithTheSeedEndsIn) {
  SupernetOptions options;
  options.cells = 1;
  options.channels = 2;
  Supernet supernet(options);
  const RandomSearch method;
  std::set<std::string> different;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    initialize_supernet(supernet, seed, method);
    const Genotype drawn = draw_genotype({}, seed);
    EXPECT_EQ(method.derive(supernet->theta(), {}), drawn);
    different.insert(to_notation(drawn));
  }
  EXPECT_EQ(different.size(), 3U);
}

TEST(RandomSearch, DrawsEveryOperationAndEveryTwoPredecessorsAlikeOften) {
  std::map<std::string, int> operations;
  std::map<std::set<std::int64_t>, int> pairs;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const Genotype genotype = draw_genotype({}, seed);
    for (const auto& node : genotype.normal.nodes) {
      ASSERT_EQ(predecessors_of(node).size(), 2U);
      for (const GenotypeEdge& edge : node) {
        ++operations[std::string(edge.operation.name())];
      }
    }
    ++pairs[predecessors_of(genotype.reduce.nodes[3])];
  }
  EXPECT_EQ(operations.count("none"), 0U);
  expect_uniform(operations, 7, draws * 8);
  expect_uniform(pairs, 10, draws);
}

// Of an edge with more operations the largest of them is larger: it must not be kept more often.
TEST(RandomSearch, DoesNotPreferEdgesThatOfferMore) {
  SearchSpace space;
  space.nodes = 2;
  const std::vector<std::string> many{"none",         "skip_connect", "max_pool_3x3",
                                      "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3"};
  const std::vector<std::string> few{"none", "skip_connect"};
  space.primitives = {parse_cell_primitives({many, few, many, few, few}),
                      parse_cell_primitives({few, few, few, few, many})};
  std::map<std::set<std::int64_t>, int> pairs;
  std::map<std::string, int> operations;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const Genotype genotype = draw_genotype(space, seed);
    ++pairs[predecessors_of(genotype.normal.nodes[1])];
    for (const GenotypeEdge& edge : genotype.normal.nodes[0]) {
      if (edge.from == 0) {
        ++operations[std::string(edge.operation.name())];
      } else {
        EXPECT_EQ(edge.operation.name(), "skip_connect");
      }
    }
  }
  expect_uniform(pairs, 3, draws);
  expect_uniform(operations, 5, draws);
}

}  // namespace
}  // namespace darts
