#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "search/golden_genotype.hpp"
#include "search/recorded_hessian.hpp"
#include "search/small_search.hpp"
#include "support/config_of.hpp"
#include "support/golden.hpp"

#include <darts/cell/topology.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/search/search_config.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace darts {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;
using testing::error_of;
using testing::Golden;

at::Tensor matrix(const Json& rows) {
  const auto values = rows.get<std::vector<std::vector<double>>>();
  const at::Tensor matrix =
      at::zeros({std::ssize(values), std::ssize(values.front())}, at::kDouble);
  for (std::size_t i = 0; i < values.size(); ++i) {
    matrix[static_cast<std::int64_t>(i)].copy_(at::tensor(values[i], at::kDouble));
  }
  return matrix;
}

TEST(golden_spaces, OfferWhatTheAuthorsDoOnEveryEdge) {
  testing::for_each_golden_file("methods/spaces", ".json", [](const auto& file) {
    const Json spaces = Json::parse(read_file(file)).at("spaces");
    for (const SearchSpaceRow& row : search_spaces()) {
      if (row.name == "darts") {  // "s5" there
        continue;
      }
      ASSERT_TRUE(spaces.contains(row.name)) << row.name;
      for (const CellType type : cell_types) {
        const Json& edges = spaces.at(row.name).at(type == CellType::normal ? "normal" : "reduce");
        ASSERT_EQ(edges.size(), 14U);
        for (std::size_t e = 0; e < edges.size(); ++e) {
          EXPECT_EQ(primitive_names(row.primitives().of(type).of(static_cast<std::int64_t>(e))),
                    edges[e].get<std::vector<std::string>>())
              << row.name << " edge " << e;
        }
      }
    }
  });
}

TEST(golden_spaces, GiveTheAuthorsGenotypes) {
  testing::for_each_golden_file("methods/spaces", ".json", [](const auto& file) {
    const Json cases = Json::parse(read_file(file)).at("derive");
    EXPECT_FALSE(cases.empty());
    for (const Json& one : cases) {
      const std::string name = one.at("space");
      SearchSpace space;
      space.primitives = find_space(name == "s5" ? "darts" : name).primitives();
      const Alphas alphas{matrix(one.at("alphas_normal")), matrix(one.at("alphas_reduce"))};
      EXPECT_EQ(derive(alphas, space), testing::golden_genotype(one.at("genotype"))) << name;
    }
    std::printf("%s: %zu genotypes\n", file.filename().c_str(), cases.size());
  });
}

/// Sets are given edge by edge here, as the authors' code holds them.
TEST(golden_spaces, HaveTheAuthorsGradientOfAlpha) {
  testing::for_each_golden_file("methods/robustdarts_hessian", ".pt", [](const auto& file) {
    const Golden golden = testing::read_golden(file);
    const double decay = testing::meta_of(golden).at("arch_weight_decay");
    testing::Comparison comparison(file.filename().string());
    for (const Execution execution : {Execution::plain, Execution::merged, Execution::fused}) {
      Supernet supernet = testing::supernet_of(golden, execution);
      const Theta theta = supernet->theta();
      const at::Tensor loss = at::cross_entropy_loss(
          supernet->forward(golden.at("x_valid"), SearchMethod().mix_all(theta, {}, Moves::theta)),
          golden.at("y_valid").to(at::kLong));
      loss.backward();
      std::vector<at::Tensor> gradients;
      for (const at::Tensor& tensor : theta.tensors()) {
        gradients.push_back((tensor.grad() + decay * tensor.detach()).flatten());
      }
      comparison.expect_close(at::cat(gradients), golden.at("gradient"), 1e-9, "gradient of alpha");
    }
  });
}

/// Two nodes whose edges offer from one to eight operations, others in the two types of cell.
SearchSpace uneven_space() {
  SearchSpace space;
  space.nodes = 2;
  space.edges_per_node = {1, 2};
  space.primitives.normal = CellPrimitives(
      std::vector{default_primitives(), parse_primitives({"skip_connect", "sep_conv_3x3"}),
                  parse_primitives({"none", "max_pool_3x3", "dil_conv_5x5"}),
                  parse_primitives({"none"}), parse_primitives({"avg_pool_3x3", "sep_conv_3x3"})});
  space.primitives.reduce = parse_primitives({"max_pool_3x3", "skip_connect", "sep_conv_3x3"});
  return space;
}

SupernetOptions uneven_options(Execution execution) {
  SupernetOptions options = testing::small_options();
  options.primitives = uneven_space().primitives;
  options.execution.execution = execution;
  return options;
}

TEST(SearchSpace, WhatARowHasBeyondWhatItsEdgeOffersNeverMoves) {
  check_space(uneven_space());
  const Supernet supernet = testing::small_supernet(uneven_options(Execution::fused));
  const Theta theta = supernet->theta();
  const at::Tensor missing = theta.missing(CellType::normal);
  EXPECT_EQ(missing.sum().item<std::int64_t>(), 5 * 8 - (8 + 2 + 3 + 1 + 2));
  EXPECT_FALSE(theta.missing(CellType::reduction).defined());
  EXPECT_EQ(supernet->alphas().reduce.sizes(), (std::vector<std::int64_t>{5, 3}));
  SearchStepOptions options;
  options.order = SearchOrder::second;
  SearchStep step(supernet, options);
  const at::Tensor before = theta.of("alphas", CellType::normal).detach().clone();
  for (const std::uint64_t seed : {1U, 2U}) {
    step.run(testing::small_batch(seed), testing::small_batch(seed + 10), 0.025);
  }
  const at::Tensor after = theta.of("alphas", CellType::normal).detach();
  EXPECT_TRUE(after.masked_select(missing).eq(0.0).all().item<bool>());
  EXPECT_TRUE(after.ne(before).logical_or(missing).all().item<bool>());
  const at::Tensor weights = theta.softmax(CellType::normal);
  EXPECT_LT(testing::relative_error(weights.sum(1), at::ones({5}, at::kDouble)), 1e-12);
  EXPECT_TRUE(weights.masked_select(missing).eq(0.0).all().item<bool>());
}

TEST(SearchSpace, EveryExecutionComputesTheSameInIt) {
  std::vector<at::Tensor> expected;
  for (const Execution execution : {Execution::plain, Execution::merged, Execution::fused}) {
    const Supernet supernet = testing::small_supernet(uneven_options(execution));
    SearchStepOptions options;
    options.order = SearchOrder::first;
    SearchStep step(supernet, options);
    step.run(testing::small_batch(1), testing::small_batch(2), 0.025);
    std::vector<at::Tensor> outcome;
    for (const at::Tensor& tensor : supernet->theta().tensors()) {
      outcome.push_back(tensor.grad());  // Adam's first step tells little of its size
    }
    for (const at::Tensor& weight : supernet->weights()) {
      outcome.push_back(weight.detach().clone());
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(testing::relative_error(outcome[i], expected[i]), 1e-9) << i;
    }
    expected = expected.empty() ? outcome : expected;
  }
}

/// Gradients of S1's supernet in float32, of images that are channels last.
std::vector<at::Tensor> gradients_in_s1(Execution execution) {
  SearchConfig config;
  config.space.name = "s1";
  config.space.cells = 3;
  config.space.channels = 4;
  config.runtime.execution = execution;
  Supernet supernet(supernet_options(config, first_stage(config), 3, 10));
  initialize_supernet(supernet, 7);
  const at::Tensor images = testing::random_normal({16, 3, 16, 16}, 1).to(at::kFloat);
  const at::Tensor logits =
      testing::logits_of(*supernet, images.contiguous(at::MemoryFormat::ChannelsLast));
  at::cross_entropy_loss(logits, testing::random_labels(16, 10, 1)).backward();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : supernet->parameters()) {
    gradients.push_back(parameter.grad());
  }
  return gradients;
}

/// Groups of one member, whose images nothing lays out anew.
TEST(SearchSpace, EveryExecutionHasTheSameGradientsOfImagesThatAreChannelsLast) {
  const std::vector<at::Tensor> expected = gradients_in_s1(Execution::plain);
  for (const Execution execution : {Execution::merged, Execution::fused}) {
    const std::vector<at::Tensor> gradients = gradients_in_s1(execution);
    ASSERT_EQ(gradients.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(testing::relative_error(gradients[i], expected[i]), 1e-2) << i;
    }
  }
}

TEST(SearchSpace, AnEdgeHoldsWhatItOffersAndNoMore) {
  const Supernet supernet = testing::small_supernet(uneven_options(Execution::plain));
  const auto names = supernet->named_parameters().keys();
  const auto count = [&](const std::string& part) {
    return std::ranges::count_if(
        names, [&](const std::string& name) { return name.find(part) != std::string::npos; });
  };
  EXPECT_EQ(count("cells.0._ops.0."), 4 + 4 + 2 + 2);
  EXPECT_EQ(count("cells.0._ops.1."), 4);
  EXPECT_EQ(count("cells.0._ops.1._ops.1."), 4);
  EXPECT_EQ(count("cells.0._ops.3."), 0);
}

TEST(SearchSpace, UndecidedEntropyIsTheMeanOverAllEdges) {
  EXPECT_NEAR(undecided_entropy({}), std::log(8.0), 1e-12);
  const double normal = std::log(8.0) + 2 * std::log(2.0) + std::log(3.0);
  EXPECT_NEAR(undecided_entropy(uneven_space()), (normal + 5 * std::log(3.0)) / 10.0, 1e-12);
}

TEST(SearchSpaceConfig, NamesAPublishedSpaceOrGivesEveryEdgesOperations) {
  const SearchSpace s1 = search_space(testing::config_of<SearchConfig>({"space.name=s1"}));
  EXPECT_EQ(s1.primitives.normal.columns(), 2);
  EXPECT_EQ(s1.primitives.reduce.of(6)[1].name(), "sep_conv_3x3");
  const SearchSpace own = search_space(testing::config_of<SearchConfig>(
      {"space.nodes=1", "space.edges.reduce=[[noise, none], [sep_conv_3x3]]",
       "space.primitives=none,skip_connect", "space.edges_per_node=[2]"}));
  EXPECT_EQ(primitive_names(own.primitives.normal.of(1)),
            (std::vector<std::string>{"none", "skip_connect"}));
  EXPECT_EQ(primitive_names(own.primitives.reduce.of(1)),
            (std::vector<std::string>{"sep_conv_3x3"}));
}

TEST(SearchSpaceConfig, WhatDoesNotFitIsSaidBeforeAnythingRuns) {
  const auto refusal = [](const std::vector<std::string>& assignments) {
    return error_of([&] { search_space(testing::config_of<SearchConfig>(assignments)); });
  };
  EXPECT_THAT(refusal({"space.primitives=[none]"}),
              HasSubstr("node 0 of the normal cell offer no operation but none"));
  EXPECT_THAT(refusal({"space.name=s1", "space.nodes=3"}),
              HasSubstr(": a cell of 3 nodes has 9 edges; operations are given for 14"));
  EXPECT_THAT(refusal({"space.name=s2", "space.primitives=[none, skip_connect]"}),
              HasSubstr("space.primitives: space.name s2 says already what the edges offer"));
  EXPECT_THAT(refusal({"space.name=s2", "space.edges.normal=[[noise]]"}),
              HasSubstr("space.edges.normal: space.name s2"));
  EXPECT_THAT(refusal({"space.edges_per_node=[2, 2]"}),
              HasSubstr("edges are to be kept of 2 nodes, a cell has 4"));
  EXPECT_THAT(
      error_of([] { testing::config_of<SearchConfig>({"space.edges.normal=[[noise], []]"}); }),
      HasSubstr("list 2 in it: must not be empty"));
  EXPECT_THAT(error_of([] { testing::config_of<SearchConfig>({"space.edges.normal=[noise]"}); }),
              HasSubstr("list 1 in it: expected a list, got \"noise\""));
  EXPECT_THAT(error_of([] { testing::config_of<SearchConfig>({"space.name=s9"}); }),
              HasSubstr("must be one of darts, s1"));
  EXPECT_THAT(error_of([] { find_space("s9"); }), HasSubstr("known are darts, s1, s2, s3, s4"));
}

TEST(SearchSpaceConfig, IsReadBackAsItIsWritten) {
  const SearchConfig config =
      testing::config_of<SearchConfig>({"space.edges.normal=[[noise, none], [sep_conv_3x3]]",
                                        "space.edges_per_node=[1, 2]", "space.nodes=1"});
  SearchConfig read;
  const testing::TemporaryFolder folder;
  write_file_atomically(folder / "config.yaml", to_yaml(config));
  fields(read).load(folder / "config.yaml");
  EXPECT_EQ(to_yaml(read), to_yaml(config));
  EXPECT_EQ(read.space.edges.normal, config.space.edges.normal);
  EXPECT_EQ(read.space.edges_per_node, config.space.edges_per_node);
}

}  // namespace
}  // namespace darts
