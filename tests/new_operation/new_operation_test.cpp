// "One file and one row": conv_3x3, with which CMakeLists.txt extends the table of primitives, goes
// all the way from the name in a config to a trained network, and nothing else knows of it.

#include "cell/cell_trial.hpp"
#include "search/darts_mixing.hpp"

#include <darts/cell/mixed_operation.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/ops/count.hpp>
#include <darts/search/search_config.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::CellSetting;
using testing::CellTrial;
using testing::Golden;
using ::testing::HasSubstr;
using testing::random_normal;

constexpr std::int64_t column = 2;  // of conv_3x3 in the space

SearchConfig small_config(SearchOrder order) {
  SearchConfig config;
  config.space.primitives = {"none", "skip_connect", "conv_3x3", "sep_conv_3x3", "avg_pool_3x3"};
  config.space.nodes = 2;
  config.space.cells = 3;
  config.space.channels = 4;
  config.search.order = order;
  return config;
}

Batch small_batch(std::uint64_t seed) {
  return {random_normal({4, 3, 8, 8}, seed), testing::random_labels(4, 10, seed)};
}

Supernet made_of(const SearchConfig& config, Execution execution) {
  Supernet supernet(supernet_options(config, first_stage(config), 3, 10));
  testing::make_double(*supernet);
  initialize_supernet(supernet, config.seed);
  supernet->set_execution({execution});
  return supernet;
}

/// What a search derives whose alpha of conv_3x3 is the largest.
Genotype found() {
  const SearchConfig config = small_config(SearchOrder::first);
  const Supernet supernet = made_of(config, Execution::plain);
  const c10::NoGradGuard no_grad;
  supernet->alphas().normal.select(1, column).fill_(1.0);
  supernet->alphas().reduce.select(1, column).fill_(1.0);
  return derive(supernet->alphas(), search_space(config));
}

EvaluationNetworkOptions network_options() {
  EvaluationNetworkOptions options;
  options.genotype = found();
  options.cells = 3;
  options.channels = 4;
  options.auxiliary = false;
  return options;
}

TEST(NewOperation, IsInTheTableAndOutsideTheDefaults) {
  EXPECT_EQ(primitive_table().back().name, "conv_3x3");
  EXPECT_EQ(Primitive::parse("conv_3x3").kind(), PrimitiveKind::conv);
  EXPECT_EQ(std::ranges::count(primitive_names(default_primitives()), "conv_3x3"), 0);
}

TEST(NewOperation, IsMixed) {
  const Primitive primitive = Primitive::parse("conv_3x3");
  const std::vector<Primitive> primitives{primitive, Primitive::parse("skip_connect")};
  MixedOperation mixed(primitives, OperationOptions{4, 1, false});
  testing::make_double(*mixed);
  const at::Tensor x = random_normal({2, 4, 5, 5}, 1);
  const torch::nn::AnyModule own = mixed->operations().front();
  torch::nn::AnyModule alone = primitive.make({4, 1, false});
  testing::make_double(*alone.ptr());
  testing::load_state(*alone.ptr(), testing::state_of(*own.ptr()));
  const at::Tensor expected = 0.25 * alone.forward<at::Tensor>(x) + 0.75 * x;
  const at::Tensor weights = at::tensor({0.25, 0.75}, at::kDouble);
  EXPECT_LT(testing::relative_error(mixed->forward(x, weights), expected), 1e-14);
}

TEST(NewOperation, RunsInACellHoweverItIsExecuted) {
  for (const bool reduction : {false, true}) {
    CellSetting setting{.name = "new", .reduction = reduction};
    setting.primitives = {"none", "conv_3x3", "sep_conv_5x5", "max_pool_3x3"};
    const Golden expected = CellTrial(setting, {Execution::plain}).everything();
    for (const Execution execution : {Execution::fused, Execution::merged}) {
      testing::expect_close(CellTrial(setting, {execution}).everything(), expected, 1e-11);
    }
  }
}

TEST(NewOperation, IsSearchedInEveryOrder) {
  for (const SearchOrderRow& order : search_orders()) {
    SCOPED_TRACE(order.name);
    const SearchConfig config = small_config(order.order);
    std::vector<at::Tensor> alphas;
    std::vector<at::Tensor> gradients;
    for (const Execution execution : {Execution::plain, Execution::fused, Execution::merged}) {
      const Supernet supernet = made_of(config, execution);
      const at::Tensor before = supernet->alphas().normal.detach().clone();
      SearchStep step(supernet, step_options(config, at::kCPU));
      step.run(small_batch(1), small_batch(2), 0.025);
      alphas.push_back(supernet->alphas().normal.detach().clone());
      const at::Tensor moved = (alphas.back() - before).select(1, column).abs();
      EXPECT_GT(moved.min().item<double>(), 0.0);
      EXPECT_LT(testing::relative_error(alphas.back(), alphas.front()), 1e-6);
      gradients.push_back(supernet->alphas().normal.grad().clone());
      EXPECT_LT(testing::relative_error(gradients.back(), gradients.front()), 1e-6);
    }
  }
}

TEST(NewOperation, IsDerivedAndGoesThroughAFile) {
  const Genotype genotype = found();
  for (const auto& node : genotype.normal.nodes) {
    for (const GenotypeEdge& edge : node) {
      EXPECT_EQ(edge.operation.name(), "conv_3x3");
    }
  }
  const auto json = to_json(genotype);
  EXPECT_EQ(json["operations"].dump(), R"({"conv_3x3":"conv"})");
  EXPECT_EQ(genotype_from_json(format_json(json), "g.json"), genotype);
  EXPECT_EQ(genotype_from_notation(to_notation(genotype), "g.txt"), genotype);
}

TEST(NewOperation, IsCounted) {
  const NetworkCount count = count_network(network_options(), 8, 8);
  const auto part = std::ranges::find_if(count.parts, [](const PartCount& p) {
    return p.part.starts_with("conv_3x3") && p.place.starts_with("cell 0");
  });
  ASSERT_NE(part, count.parts.end());
  EXPECT_EQ(part->parameters, 4 * 4 * 9 + 2 * 4);
  EXPECT_EQ(part->multiply_adds, 4 * 4 * 9 * 8 * 8);
  EXPECT_THAT(describe(count), AllOf(HasSubstr("conv_3x3"), HasSubstr("cell 2")));
  EvaluationNetwork network(network_options());
  network->eval();
  const auto forward = [&] { network->forward(random_normal({1, 3, 8, 8}, 1).to(at::kFloat)); };
  EXPECT_EQ(count_multiply_adds(forward), count.multiply_adds);
}

TEST(NewOperation, IsTrainedAndTested) {
  EvaluationNetwork network(network_options());
  testing::make_double(*network);
  const Batch batch = small_batch(1);
  const auto output = network->forward(batch.images);
  at::cross_entropy_loss(output.logits, batch.labels).backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    EXPECT_TRUE(parameter->grad().isfinite().all().item<bool>()) << parameter.key();
  }
  network->eval();
  const c10::NoGradGuard no_grad;
  const at::Tensor fused = network->forward(batch.images).logits;
  network->set_execution(Execution::plain);
  EXPECT_LT(testing::relative_error(fused, network->forward(batch.images).logits), 1e-12);
}

}  // namespace
}  // namespace darts
