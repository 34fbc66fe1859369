#include "core/expect_error.hpp"

#include <darts/search/method.hpp>

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

/// (operation, from) of every edge, node after node.
std::vector<std::pair<std::string, std::int64_t>> edges_of(const CellGenotype& cell) {
  std::vector<std::pair<std::string, std::int64_t>> edges;
  for (const auto& node : cell.nodes) {
    for (const GenotypeEdge& edge : node) {
      edges.emplace_back(edge.operation.name(), edge.from);
    }
  }
  return edges;
}

Genotype derive_both(const at::Tensor& alpha, const SearchSpace& options = {}) {
  return derive({alpha, at::zeros_like(alpha)}, options);
}

TEST(Deriver, TiesGoToTheFirstEdgesAndTheFirstOperationButNone) {
  const Genotype genotype = derive_both(at::zeros({14, 8}));
  ASSERT_EQ(genotype.normal.nodes.size(), 4U);
  for (const auto& node : genotype.normal.nodes) {
    ASSERT_EQ(node.size(), 2U);
    EXPECT_EQ(node[0].from, 0);
    EXPECT_EQ(node[1].from, 1);
    EXPECT_EQ(node[0].operation.name(), "max_pool_3x3");
  }
  EXPECT_THAT(genotype.normal.concat, ElementsAre(2, 3, 4, 5));
}

TEST(Deriver, NoneIsNeverChosenButWeakensItsEdge) {
  at::Tensor alpha = at::zeros({5, 8});  // two nodes
  alpha.select(1, 0).fill_(50.0);
  alpha[3][0] = 0.0;  // node 1, from state 1: the only edge without a strong none
  alpha[4][5] = 1.0;
  const Genotype genotype = derive_both(alpha);
  for (const auto& [operation, from] : edges_of(genotype.normal)) {
    EXPECT_NE(operation, "none");
  }
  EXPECT_EQ(genotype.normal.nodes[1][0].from, 1);
  EXPECT_EQ(genotype.normal.nodes[1][1].from, 2);
  EXPECT_EQ(genotype.normal.nodes[1][1].operation.name(), "sep_conv_5x5");
}

TEST(Deriver, EdgesComeStrongestFirst) {
  at::Tensor alpha = at::zeros({5, 8});
  alpha[2][4] = 1.0;
  alpha[3][3] = 3.0;
  alpha[4][7] = 2.0;
  EXPECT_THAT(edges_of(derive_both(alpha).normal),
              ElementsAre(std::pair("max_pool_3x3", 0), std::pair("max_pool_3x3", 1),
                          std::pair("skip_connect", 1), std::pair("dil_conv_5x5", 2)));
}

TEST(Deriver, TheTwoCellsAreDerivedFromTheirOwnAlphas) {
  at::Tensor normal = at::zeros({2, 8});
  at::Tensor reduce = at::zeros({5, 8});
  reduce[0][3] = 1.0;
  const Genotype genotype = derive({normal, reduce}, {});
  EXPECT_EQ(genotype.normal.nodes.size(), 1U);
  EXPECT_EQ(genotype.reduce.nodes.size(), 2U);
  EXPECT_EQ(genotype.reduce.nodes[0][0].operation.name(), "skip_connect");
}

TEST(Deriver, OneOrThreeEdgesANode) {
  at::Tensor alpha = at::zeros({9, 8});
  alpha[8][4] = 1.0;  // node 2, from state 3
  SearchSpace options;
  options.edges_per_node = {1};
  const Genotype one = derive_both(alpha, options);
  EXPECT_THAT(edges_of(one.normal),
              ElementsAre(std::pair("max_pool_3x3", 0), std::pair("max_pool_3x3", 0),
                          std::pair("sep_conv_3x3", 3)));
  options.edges_per_node = {3};
  const Genotype three = derive_both(alpha, options);
  EXPECT_EQ(three.normal.nodes[0].size(), 2U);  // it has no more predecessors
  EXPECT_EQ(three.normal.nodes[1].size(), 3U);
  EXPECT_EQ(three.normal.nodes[2].size(), 3U);
  EXPECT_EQ(three.normal.nodes[2][0].from, 3);
}

TEST(Deriver, AnotherNumberOfEdgesForEachNode) {
  SearchSpace options;
  options.edges_per_node = {2, 1, 3};
  const Genotype genotype = derive_both(at::zeros({9, 8}), options);
  EXPECT_EQ(genotype.normal.nodes[0].size(), 2U);
  EXPECT_EQ(genotype.normal.nodes[1].size(), 1U);
  EXPECT_EQ(genotype.normal.nodes[2].size(), 3U);
}

TEST(Deriver, ReadsOfEveryEdgeWhatItOffers) {
  SearchSpace options;
  options.edges_per_node = {1};
  options.primitives.normal = CellPrimitives(std::vector{
      parse_primitives({"none", "sep_conv_3x3", "dil_conv_3x3"}), parse_primitives({"none"})});
  at::Tensor alpha = at::zeros({2, 3});
  alpha[0][2] = 1.0;
  alpha[1][1] = 50.0;  // beyond what the edge offers
  const Genotype genotype = derive({alpha, at::zeros({2, 8})}, options);
  EXPECT_THAT(edges_of(genotype.normal), ElementsAre(std::pair("dil_conv_3x3", 0)));
}

TEST(Deriver, OtherPrimitives) {
  SearchSpace options;
  options.primitives = everywhere(parse_primitives({"conv_7x1_1x7"}));
  EXPECT_EQ(derive_both(at::zeros({2, 1}), options).normal.nodes[0][0].operation.name(),
            "conv_7x1_1x7");
  options.primitives =
      everywhere(parse_primitives({"sep_conv_7x7", "none"}));  // none in the last column
  at::Tensor alpha = at::zeros({2, 2});
  alpha[0][1] = 9.0;
  EXPECT_EQ(derive_both(alpha, options).normal.nodes[0][0].from, 1);
  options.primitives = everywhere(parse_primitives({"none"}));
  EXPECT_THAT(error_of([&] {
                derive_both(at::zeros({2, 1}), options);
              }),
              HasSubstr("no operation but none"));
}

TEST(Deriver, TakesAnyPrecisionAndTensorsWithGradients) {
  at::Tensor alpha = at::zeros({14, 8});
  alpha[13][6] = 2.0;
  const Genotype expected = derive_both(alpha);
  EXPECT_EQ(derive_both(alpha.to(at::kDouble)), expected);
  EXPECT_EQ(derive_both(alpha.clone().requires_grad_()), expected);
  EXPECT_EQ(derive_both(alpha.t().contiguous().t()), expected);
}

/// Of a cell whose edges all hold skip connections strongest, edge by edge less so; sep_conv_3x3
/// comes next.
TEST(Deriver, SoManySkipConnectionsAtMostInTheNormalCell) {
  at::Tensor alpha = at::zeros({5, 8});
  for (std::int64_t edge = 0; edge < 5; ++edge) {
    alpha[edge][3] = 3.0 - 0.1 * static_cast<double>(edge);
    alpha[edge][4] = 2.0;
  }
  SearchSpace space;
  EXPECT_EQ(count_skip_connections(derive_both(alpha, space).normal), 4);
  for (std::int64_t most = 4; most >= 0; --most) {
    space.most_skips = most;
    const Genotype genotype = derive({alpha, alpha}, space);
    EXPECT_EQ(count_skip_connections(genotype.normal), most);
    EXPECT_EQ(count_skip_connections(genotype.reduce), 4);
  }
  // Edge 3 is the weakest that is kept; edge 4 comes in its place, and is the weakest then.
  space.most_skips = 3;
  EXPECT_THAT(edges_of(derive_both(alpha, space).normal),
              ElementsAre(std::pair("skip_connect", 0), std::pair("skip_connect", 1),
                          std::pair("skip_connect", 0), std::pair("sep_conv_3x3", 2)));
  space.most_skips = 0;
  space.primitives = everywhere(parse_primitives({"none", "skip_connect"}));
  EXPECT_EQ(count_skip_connections(derive_both(at::zeros({2, 2}), space).normal), 2)
      << "nothing else is on offer";
}

TEST(Deriver, LargeAlphasDoNotOverflow) {
  at::Tensor alpha = at::zeros({2, 8});
  alpha[1][5] = 1e30;
  EXPECT_EQ(derive_both(alpha).normal.nodes[0][0].operation.name(), "sep_conv_5x5");
}

TEST(Deriver, WhatIsNotFiniteIsAnError) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity(), -HUGE_VAL}) {
    at::Tensor alpha = at::zeros({14, 8});
    alpha[7][3] = value;
    EXPECT_THAT(error_of([&] { derive_both(alpha); }),
                AllOf(HasSubstr("normal cell"), HasSubstr("not all finite")));
    EXPECT_THAT(error_of([&] {
                  derive({at::zeros({14, 8}), alpha}, {});
                }),
                HasSubstr("reduction cell"));
  }
}

TEST(Deriver, WrongShapesAreErrors) {
  EXPECT_THAT(error_of([] {
                derive_both(at::zeros({14, 7}));
              }),
              AllOf(HasSubstr("8 columns expected"), HasSubstr("[14, 7]")));
  EXPECT_THAT(error_of([] { derive_both(at::zeros({8})); }), HasSubstr("columns expected"));
  for (const std::int64_t rows : {0, 1, 3, 4, 13, 15}) {
    EXPECT_THAT(error_of([&] {
                  derive_both(at::zeros({rows, 8}));
                }),
                AllOf(HasSubstr(std::to_string(rows) + " edges"), HasSubstr("2, 5, 9, 14")));
  }
}

}  // namespace
}  // namespace darts
