#include "cell_plan.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/cell/topology.hpp>

#include <gtest/gtest.h>

namespace darts::plan {
namespace {

constexpr std::int64_t channels = 4;

/// A cell's mixed operations, and the plan of running them together.
struct Planned {
  explicit Planned(bool reduction, std::int64_t nodes = 4,
                   CellPrimitives primitives = default_primitives()) {
    options.primitives = std::move(primitives);
    options.nodes = nodes;
    options.channels = channels;
    options.reduction = reduction;
    for (std::int64_t node = 0; node < nodes; ++node) {
      for (std::int64_t from = 0; from < predecessors(node); ++from) {
        const std::int64_t stride = reduction && from < cell_inputs ? 2 : 1;
        edges->push_back(MixedOperation(options.primitives.of(std::ssize(*edges)),
                                        OperationOptions{channels, stride}));
      }
    }
    plan = plan_cell(options, edges);
  }

  SearchCellOptions options;
  torch::nn::Sequential edges;
  CellPlan plan;
};

TEST(CellPlan, OfThePapersCells) {
  for (const bool reduction : {false, true}) {
    const Planned planned(reduction);
    ASSERT_TRUE(planned.plan.has_kernels);
    const CellPlan& plan = planned.plan;
    EXPECT_EQ(plan.edges.size(), 14U);
    EXPECT_EQ(plan.columns, 8);
    EXPECT_EQ(plan.states(), 6);
    // Two separable convolutions of two units, two dilated ones of one; a factorized reduce in
    // place of skip_connect where the stride is 2, on the eight edges that leave the inputs.
    EXPECT_EQ(plan.units.size(), 14U * 6U + (reduction ? 8U : 0U));
    EXPECT_EQ(plan.weights.size(), 2 * plan.units.size());
    EXPECT_EQ(plan.padding, 4);  // of a dilated 5 × 5
  }
}

TEST(CellPlan, EdgesLeaveAndEnterStatesAsTheTopologySays) {
  const Planned planned(/*reduction=*/true);
  const CellPlan& plan = planned.plan;
  for (std::int64_t state = 0; state < plan.states(); ++state) {
    EXPECT_EQ(std::ssize(plan.leaving(state)), state < cell_inputs ? 4 : 5 - state) << state;
    EXPECT_EQ(std::ssize(plan.entering(state)), state < cell_inputs ? 0 : state) << state;
  }
  std::int64_t row = 0;
  for (const Edge& edge : plan.edges) {
    EXPECT_EQ(edge.row, row++);
    EXPECT_LT(edge.from, edge.to);
    EXPECT_EQ(edge.stride, edge.from < cell_inputs ? 2 : 1);
  }
}

TEST(CellPlan, OperationsStandInTheirColumns) {
  const Planned planned(/*reduction=*/true, 2);
  for (const Edge& edge : planned.plan.edges) {
    const OperationKind skip =
        edge.stride == 2 ? OperationKind::convolution : OperationKind::identity;
    const OperationKind kinds[] = {OperationKind::none,         OperationKind::max_pool,
                                   OperationKind::average_pool, skip,
                                   OperationKind::convolution,  OperationKind::convolution,
                                   OperationKind::convolution,  OperationKind::convolution};
    const std::size_t units[] = {0, 0, 0, edge.stride == 2 ? 1U : 0U, 2, 2, 1, 1};
    ASSERT_EQ(edge.operations.size(), 8U);
    for (std::size_t i = 0; i < edge.operations.size(); ++i) {
      EXPECT_EQ(edge.operations[i].kind, kinds[i]) << i;
      EXPECT_EQ(edge.operations[i].column, static_cast<std::int64_t>(i));
      EXPECT_EQ(edge.operations[i].units.size(), units[i]) << i;
      EXPECT_EQ(edge.operations[i].norm.is_empty(),
                kinds[i] != OperationKind::max_pool && kinds[i] != OperationKind::average_pool)
          << i;
    }
  }
}

TEST(CellPlan, UnitsHaveTheModulesOwnTensors) {
  const Planned planned(/*reduction=*/true, 1);
  const CellPlan& plan = planned.plan;
  const Edge& edge = plan.edges.front();
  const auto parameters = planned.edges->ptr(0)->named_parameters();
  const Operation& separable = edge.operations[5];  // sep_conv_5x5
  const Unit& first = plan.units[separable.units[0]];
  const Unit& second = plan.units[separable.last_unit()];
  EXPECT_EQ(first.kernel, 5);
  EXPECT_EQ(first.stride, 2);
  EXPECT_EQ(second.stride, 1);
  EXPECT_TRUE(plan.weights[first.weight].is_same(parameters["_ops.5.op.1.weight"]));
  EXPECT_TRUE(plan.weights[second.weight + 1].is_same(parameters["_ops.5.op.6.weight"]));
  const Unit& dilated = plan.units[edge.operations[6].units[0]];
  EXPECT_EQ(dilated.dilation, 2);
  const Unit& reduce = plan.units[edge.operations[3].units[0]];
  EXPECT_EQ(reduce.kind, UnitKind::factorized);
  EXPECT_TRUE(plan.weights[reduce.weight + 1].is_same(parameters["_ops.3.conv_2.weight"]));
  EXPECT_EQ(plan.multiply_adds(first), channels * (25 + channels));
  EXPECT_EQ(plan.multiply_adds(reduce), channels * channels);
}

TEST(CellPlan, OfAPrimitiveWithoutKernelsKnowsItsModuleAlone) {
  const Planned planned(false, 2, parse_primitives({"skip_connect", "conv_7x1_1x7"}));
  EXPECT_FALSE(planned.plan.has_kernels);
  EXPECT_TRUE(planned.plan.units.empty());
  const Operation& other = planned.plan.edges[1].operations[1];
  EXPECT_EQ(other.kind, OperationKind::other);
  EXPECT_EQ(other.column, 1);
  EXPECT_EQ(other.module.ptr(), planned.edges->ptr<MixedOperationImpl>(1)->operations()[1].ptr());
  const Planned seven(false, 2, parse_primitives({"sep_conv_7x7"}));
  EXPECT_TRUE(seven.plan.has_kernels);
  EXPECT_EQ(seven.plan.padding, 3);
}

TEST(CellPlan, HoldsWhatEachEdgeOffersAndNoMore) {
  const CellPrimitives primitives(
      std::vector{parse_primitives({"skip_connect", "sep_conv_3x3", "none"}),
                  parse_primitives({"dil_conv_3x3"})});
  const Planned planned(false, 1, primitives);
  EXPECT_EQ(planned.plan.columns, 3);
  EXPECT_EQ(planned.plan.edges[0].operations.size(), 3U);
  EXPECT_EQ(planned.plan.edges[1].operations.size(), 1U);
  EXPECT_EQ(planned.plan.edges[1].operations[0].column, 0);
  EXPECT_EQ(planned.plan.units.size(), 3U);  // two of the separable one, one of the dilated
}

}  // namespace
}  // namespace darts::plan
