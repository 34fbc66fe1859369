#include "fused/states.hpp"

#include <ATen/ops/ones.h>

#include <gtest/gtest.h>

namespace darts::fused {
namespace {

Edge edge(const CellPlan& plan, std::int64_t from, std::int64_t to,
          std::vector<Operation> operations) {
  Edge made;
  made.row = std::ssize(plan.edges);
  made.from = from;
  made.to = to;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    operations[i].column = static_cast<std::int64_t>(i);
  }
  made.operations = std::move(operations);
  return made;
}

/// Two nodes whose edges have sets of operations of their own, three at most.
CellPlan plan_of_two_nodes() {
  const auto simple = [](OperationKind kind) {
    return Operation{kind, 0, {}, torch::nn::BatchNorm2d(1)};
  };
  const auto convolution = [](std::vector<std::size_t> units) {
    return Operation{OperationKind::convolution, 0, std::move(units)};
  };
  const Operation none = simple(OperationKind::none);
  const Operation identity = simple(OperationKind::identity);
  const Operation max_pool = simple(OperationKind::max_pool);
  const Operation average_pool = simple(OperationKind::average_pool);
  CellPlan plan;
  plan.nodes = 2;
  plan.columns = 3;
  plan.reduction = true;
  plan.units.resize(3);
  plan.edges.push_back(edge(plan, 0, 2, {average_pool, convolution({0, 1})}));
  plan.edges.push_back(edge(plan, 1, 2, {none}));
  plan.edges.push_back(edge(plan, 0, 3, {none, average_pool, max_pool}));
  plan.edges.push_back(edge(plan, 1, 3, {max_pool}));
  plan.edges.push_back(edge(plan, 2, 3, {convolution({2}), identity, average_pool}));
  return plan;
}

std::vector<std::int64_t> places_of(const std::vector<Link>& links) {
  std::vector<std::int64_t> places;
  for (const Link& link : links) {
    places.push_back(link.weight);
  }
  return places;
}

using Places = std::vector<std::int64_t>;

TEST(FusedStates, KnowAllThatLeavesThem) {
  const CellPlan plan = plan_of_two_nodes();
  const std::vector<StatePass> states = states_of(plan);
  ASSERT_EQ(states.size(), 4U);
  EXPECT_EQ(states[0].stride, 2);
  EXPECT_EQ(states[2].stride, 1);

  ASSERT_EQ(states[0].pools.size(), 2U);
  EXPECT_EQ(states[0].pools[0].kind, OperationKind::max_pool);
  EXPECT_EQ(places_of(states[0].pools[0].links), Places({8}));
  EXPECT_EQ(places_of(states[0].pools[1].links), Places({0, 7}));
  EXPECT_EQ(states[0].pools[1].norms.size(), 2U);
  ASSERT_EQ(states[0].convolutions.size(), 1U);
  EXPECT_EQ(states[0].convolutions[0].last().unit, 1U);

  EXPECT_EQ(states[1].pools.size(), 1U);
  EXPECT_TRUE(states[1].convolutions.empty());

  EXPECT_FALSE(states[2].convolutions[0].second);
  EXPECT_EQ(states[2].convolutions[0].link.to, 3);
  ASSERT_EQ(states[2].identities.size(), 1U);
  EXPECT_EQ(states[2].identities.front().link.weight, 13);
  EXPECT_TRUE(summands_of(states[3]).empty());
}

TEST(FusedStates, GiveEveryBatchNormANumberOfItsOwn) {
  const CellPlan plan = plan_of_two_nodes();
  std::vector<int> used(norm_count(plan));
  for (std::size_t unit = 0; unit < plan.units.size(); ++unit) {
    ++used.at(unit);
  }
  for (const StatePass& state : states_of(plan)) {
    for (const PoolPass& pool : state.pools) {
      ++used.at(pool.norm);
    }
  }
  EXPECT_TRUE(std::ranges::all_of(used, [](int times) { return times <= 1; }));
}

TEST(FusedStates, EnterANodeInTheOrderOfTheMixingWeights) {
  const std::vector<StatePass> states = states_of(plan_of_two_nodes());
  const auto places = [&](std::int64_t node) {
    Places found;
    for (const Summand& summand : entering(states, node)) {
      EXPECT_EQ(summand.link.to, node);
      found.push_back(summand.link.weight);
    }
    return found;
  };
  EXPECT_EQ(places(2), Places({0, 1}));
  EXPECT_EQ(places(3), Places({7, 8, 9, 12, 13, 14}));
}

TEST(FusedStates, LetGoOfAllThatTheyHold) {
  StatePass state = states_of(plan_of_two_nodes())[0];
  ConvolutionPass& convolution = state.convolutions[0];
  const auto tensors = [&] {
    return std::vector<at::Tensor>{state.value,           convolution.first.z,
                                   convolution.second->z, convolution.first.gradient,
                                   state.pools[0].z,      state.pools[1].z};
  };
  const auto held = [&] {
    return std::ranges::count_if(tensors(), [](const at::Tensor& t) { return t.defined(); });
  };
  state.value = convolution.first.z = convolution.second->z = convolution.first.gradient =
      state.pools[0].z = state.pools[1].z = at::ones({1});
  state.release_spare();
  EXPECT_EQ(held(), 4);
  state.release();
  EXPECT_EQ(held(), 0);
}

}  // namespace
}  // namespace darts::fused
