#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/test_paths.hpp"

#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/ops/initialize.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace darts {
namespace {

using ::testing::HasSubstr;

EvaluationNetworkOptions small(const Genotype& genotype, NetworkStem stem = NetworkStem::cifar) {
  EvaluationNetworkOptions options;
  options.genotype = genotype;
  options.stem = stem;
  options.cells = 3;
  options.channels = 4;
  options.classes = 3;
  return options;
}

Genotype built_in(const std::string& name) {
  return load_genotype(testing::configs_folder() / "genotypes" / (name + ".json"));
}

GenotypeEdge edge(const std::string& operation, std::int64_t from) {
  return {Primitive::parse(operation), from};
}

Genotype made_of(const CellGenotype& cell) { return {"made up", cell, cell, ""}; }

/// Forward and backward; every parameter has to get a finite gradient.
void run_both_ways(EvaluationNetwork& network, const at::Tensor& images) {
  const at::Tensor labels = testing::random_labels(images.size(0), 3, 1);
  const auto output = network->forward(images);
  at::Tensor loss = at::cross_entropy_loss(output.logits, labels);
  if (output.auxiliary.defined()) {
    loss = loss + 0.4 * at::cross_entropy_loss(output.auxiliary, labels);
  }
  loss.backward();
  for (const auto& item : network->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }
}

TEST(EvaluationNetwork, EveryBuiltInGenotypeTrainsBehindBothStems) {
  const std::filesystem::path folder = testing::configs_folder() / "genotypes";
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(file.path().string());
    ++found;
    const Genotype genotype = load_genotype(file.path());
    EvaluationNetwork cifar(small(genotype));
    run_both_ways(cifar, testing::random_normal({2, 3, 32, 32}, 2).to(at::kFloat));
    EvaluationNetwork imagenet(small(genotype, NetworkStem::imagenet));
    run_both_ways(imagenet, testing::random_normal({2, 3, 224, 224}, 2).to(at::kFloat));
  }
  EXPECT_GE(found, 7);
}

TEST(EvaluationNetwork, AnyNumberOfNodesEdgesAndConcatenatedStates) {
  const CellGenotype one_node{{{edge("skip_connect", 1)}}, {2}};
  CellGenotype seven_nodes;
  for (std::int64_t node = 0; node < 7; ++node) {
    seven_nodes.nodes.push_back({edge("sep_conv_3x3", node), edge("max_pool_3x3", node + 1)});
    seven_nodes.nodes.back().push_back(edge("conv_7x1_1x7", 0));
  }
  seven_nodes.concat = {8, 4, 6};
  const CellGenotype uneven{{{},
                             {edge("sep_conv_3x3", 0)},
                             {edge("max_pool_3x3", 3), edge("none", 0), edge("none", 1)},
                             {}},
                            {3, 4}};
  for (const CellGenotype& cell : {one_node, seven_nodes, uneven}) {
    EvaluationNetworkOptions options = small(made_of(cell));
    options.auxiliary = false;
    options.image_channels = 1;
    EvaluationNetwork network(options);
    const at::Tensor images = testing::random_normal({2, 1, 13, 10}, 3).to(at::kFloat);
    EXPECT_EQ(network->forward(images).logits.sizes(), (std::vector<std::int64_t>{2, 3}));
    EXPECT_FALSE(network->forward(images).auxiliary.defined());
    network->eval();
    const c10::NoGradGuard no_grad;
    const at::Tensor fused = network->forward(images).logits;
    network->set_execution(Execution::plain);
    EXPECT_TRUE(fused.allclose(network->forward(images).logits, 1e-4, 1e-5));
  }
}

TEST(EvaluationNetwork, SaysWhichGenotypesCannotBeBuilt) {
  const auto refusal = [](const CellGenotype& cell) -> std::string {
    try {
      const EvaluationNetwork network(small(made_of(cell)));
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(refusal({{{edge("skip_connect", 0)}}, {1, 2}}),
              HasSubstr("the genotype: normal_concat: state 1 is not an intermediate node"));
  EXPECT_THAT(refusal({{{edge("skip_connect", 0)}, {}}, {2, 3}}),
              HasSubstr("node 1 (state 3), which has no edges"));
  EXPECT_THAT(refusal({}), HasSubstr("the genotype: normal: has no edges"));
}

TEST(EvaluationNetwork, AuxiliaryHeadSaysWhenImagesAreTooSmall) {
  EvaluationNetwork network(small(built_in("DARTS_V2")));
  const at::Tensor images = testing::random_normal({2, 3, 28, 28}, 1).to(at::kFloat);
  try {
    network->forward(images);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("8×8 and gets 7×7"));
    EXPECT_THAT(e.what(), HasSubstr("network.auxiliary=0"));
  }
  network->eval();
  EXPECT_TRUE(network->forward(images).logits.defined());
  network->train();
  EXPECT_TRUE(network->forward(testing::random_normal({2, 3, 64, 48}, 1).to(at::kFloat))
                  .auxiliary.defined());
}

TEST(EvaluationNetwork, DropPathActsInTrainingOnAllEdgesButIdentities) {
  EvaluationNetwork network(small(built_in("DARTS_V2")));
  // Two normal cells and, as cells 1 and 2 of three, two reduction cells.
  std::int64_t edges = 0;
  for (std::size_t i = 0; i < network->cells(); ++i) {
    edges += network->cell(i).droppable_edges();
  }
  EXPECT_EQ(network->droppable_edges(), edges);
  EXPECT_EQ(network->cell(0).droppable_edges(), 6);  // 2 of 8 are skip_connect
  EXPECT_EQ(network->cell(1).droppable_edges(), 5);  // 3 skips from nodes, none from an input

  const at::Tensor images = testing::random_normal({2, 3, 32, 32}, 4).to(at::kFloat);
  const auto logits = [&](std::uint64_t step) {
    const c10::NoGradGuard no_grad;
    const RandomStream stream(1, RandomPurpose::drop_path, 0, step);
    return network->forward(images, DropPath({0.5, edges, 2}, stream, at::kFloat)).logits;
  };
  EXPECT_TRUE(logits(0).equal(logits(0)));
  EXPECT_FALSE(logits(0).equal(logits(1)));
  network->eval();
  EXPECT_TRUE(logits(0).equal(logits(1)));
}

TEST(EvaluationNetwork, CloneAndStateRoundTrip) {
  EvaluationNetwork network(small(built_in("NASNet")));
  network->eval();
  const at::Tensor images = testing::random_normal({2, 3, 32, 32}, 5).to(at::kFloat);
  const auto copy = std::dynamic_pointer_cast<EvaluationNetworkImpl>(network->clone());
  EXPECT_TRUE(copy->forward(images).logits.equal(network->forward(images).logits));

  EvaluationNetwork other(small(built_in("NASNet")));
  other->eval();
  NamedTensors state;
  collect_state(*network, "model", state);
  restore_state(*other, "model", state, "test");
  EXPECT_TRUE(other->forward(images).logits.equal(network->forward(images).logits));
}

TEST(EvaluationNetwork, GradientsAgreeWithFiniteDifferences) {
  EvaluationNetworkOptions options = small(built_in("DARTS_V1"));
  options.channels = 2;
  EvaluationNetwork network(options);
  testing::make_double(*network);
  testing::randomize_parameters(*network, 0.3, 11);
  const at::Tensor images = testing::random_normal({3, 3, 32, 32}, 6);
  const at::Tensor labels = testing::random_labels(3, 3, 7);
  const auto loss = [&] {
    const auto output = network->forward(images);
    return at::cross_entropy_loss(output.logits, labels) +
           0.4 * at::cross_entropy_loss(output.auxiliary, labels);
  };
  loss().backward();
  const c10::NoGradGuard no_grad;
  constexpr double step = 1e-6;
  for (const char* name :
       {"stem.0.weight", "cells.0._ops.0.op.1.weight", "cells.1.preprocess0.op.1.weight",
        "cells.2.preprocess0.bn.weight", "auxiliary_head.classifier.weight", "classifier.bias"}) {
    const at::Tensor* found = network->named_parameters().find(name);
    ASSERT_NE(found, nullptr) << name;
    const at::Tensor parameter = *found;
    const at::Tensor direction = testing::random_normal(parameter.sizes(), 8);
    parameter.add_(direction, step);
    const double above = loss().item<double>();
    parameter.sub_(direction, 2.0 * step);
    const double below = loss().item<double>();
    parameter.add_(direction, step);
    const double analytic = (parameter.grad() * direction).sum().item<double>();
    EXPECT_NEAR((above - below) / (2.0 * step), analytic, 1e-5 * std::max(1.0, std::abs(analytic)))
        << name;
  }
}

}  // namespace
}  // namespace darts
