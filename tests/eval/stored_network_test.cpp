#include "core/temporary_folder.hpp"
#include "support/module_helpers.hpp"

#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/stored_network.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace darts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NetworkDescription description(std::int64_t classes) {
  NetworkDescription d;
  d.options.genotype = genotype_from_notation(
      "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2],"
      " reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])",
      "test");
  d.options.cells = 2;
  d.options.channels = 2;
  d.options.classes = classes;
  d.dataset = "cifar10";
  d.root = "/somewhere";
  d.height = 32;
  d.width = 32;
  d.resize_size = 36;
  for (std::int64_t i = 0; i < classes; ++i) {
    d.class_names.push_back("thing " + std::to_string(i));
  }
  d.statistics = {{0.1, 0.2, 0.3}, {0.4, 0.5, 0.6}};
  return d;
}

Checkpoint checkpoint_of(EvaluationNetwork& network, const NetworkDescription& d) {
  Checkpoint checkpoint;
  checkpoint.file = "a.safetensors";
  checkpoint.meta = nlohmann::ordered_json{{"network", to_json(d)}}.dump();
  collect_state(*network, "model", checkpoint.tensors);
  for (auto& [name, tensor] : checkpoint.tensors) {
    tensor = tensor.clone();
  }
  return checkpoint;
}

TEST(StoredNetwork, DescriptionRoundTrips) {
  const NetworkDescription given = description(3);
  EvaluationNetwork network(given.options);
  const NetworkDescription d = network_description_of(checkpoint_of(network, given));
  EXPECT_EQ(to_json(d), to_json(given));
  EXPECT_TRUE(d.options.genotype == given.options.genotype);
  EXPECT_EQ(d.statistics.stddev, given.statistics.stddev);
}

TEST(StoredNetwork, LoadsTheAverageWhereThereIsOne) {
  const NetworkDescription d = description(3);
  EvaluationNetwork network(d.options);
  Checkpoint checkpoint = checkpoint_of(network, d);
  const at::Tensor images = testing::random_normal({2, 3, 32, 32}, 1).to(at::kFloat);
  network->eval();
  const at::Tensor logits = network->forward(images).logits;
  EXPECT_TRUE(
      load_network(checkpoint, WeightsKind::best_known)->forward(images).logits.equal(logits));
  for (const auto& [name, tensor] : checkpoint_of(network, d).tensors) {
    checkpoint.tensors.emplace("average." + name.substr(6), tensor * 2);
  }
  EXPECT_FALSE(
      load_network(checkpoint, WeightsKind::best_known)->forward(images).logits.equal(logits));
  EXPECT_TRUE(load_network(checkpoint, WeightsKind::trained)->forward(images).logits.equal(logits));
}

TEST(StoredNetwork, FineTuningTakesAllButTheClassifiers) {
  const NetworkDescription ten = description(10);
  EvaluationNetwork source(ten.options);
  const Checkpoint checkpoint = checkpoint_of(source, ten);
  EvaluationNetwork target(description(4).options);
  const auto classifiers =
      ElementsAre("auxiliary_head.classifier.bias", "auxiliary_head.classifier.weight",
                  "classifier.bias", "classifier.weight");
  EXPECT_THAT(initialize_from(target, description(4).class_names, checkpoint), classifiers);
  EXPECT_TRUE(target->named_parameters()["stem.0.weight"].equal(
      source->named_parameters()["stem.0.weight"]));
  EXPECT_EQ(target->named_parameters()["classifier.weight"].size(0), 4);

  EvaluationNetwork same(ten.options);
  EXPECT_THAT(initialize_from(same, ten.class_names, checkpoint), IsEmpty());
  EvaluationNetwork others(ten.options);
  NetworkDescription named = ten;
  named.class_names.back() = "another thing";
  EXPECT_THAT(initialize_from(others, named.class_names, checkpoint), classifiers);
  EXPECT_FALSE(others->named_parameters()["classifier.weight"].equal(
      source->named_parameters()["classifier.weight"]));
}

TEST(StoredNetwork, NumbersMayBeNoNames) {
  NetworkDescription d = description(12);
  EXPECT_TRUE(d.names_classes());
  for (std::size_t i = 0; i < d.class_names.size(); ++i) {
    d.class_names[i] = std::to_string(i);
  }
  EXPECT_FALSE(d.names_classes());  // of folders 10 would stand before 2
  EvaluationNetwork network(d.options);
  const Checkpoint imported = checkpoint_of(network, d);
  EvaluationNetwork target(d.options);
  EXPECT_THAT(initialize_from(target, description(12).class_names, imported), IsEmpty());
  d.class_names.resize(10);
  EXPECT_TRUE(d.names_classes());
  d.dataset.clear();
  EXPECT_FALSE(d.names_classes());
}

TEST(StoredNetwork, FineTuningRefusesAnotherNetwork) {
  const NetworkDescription d = description(10);
  EvaluationNetwork source(d.options);
  const Checkpoint checkpoint = checkpoint_of(source, d);
  NetworkDescription wider = description(10);
  wider.options.channels = 4;
  EvaluationNetwork target(wider.options);
  try {
    initialize_from(target, wider.class_names, checkpoint);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("a.safetensors"));
    EXPECT_THAT(e.what(), HasSubstr("model.stem.0.weight"));
  }
}

TEST(StoredNetwork, SaysWhatIsWrongWithADescription) {
  const NetworkDescription d = description(3);
  EvaluationNetwork network(d.options);
  const auto refusal = [&](const std::function<void(nlohmann::ordered_json&)>& change) {
    Checkpoint checkpoint = checkpoint_of(network, d);
    auto meta = nlohmann::ordered_json::parse(checkpoint.meta);
    change(meta);
    checkpoint.meta = meta.dump();
    try {
      load_network(checkpoint, WeightsKind::trained);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal([](auto& m) { m.erase("network"); }), HasSubstr("a.safetensors: not a"));
  EXPECT_THAT(refusal([](auto& m) { m["network"].erase("cells"); }), HasSubstr("cells"));
  EXPECT_THAT(refusal([](auto& m) { m["network"]["stem"] = "wide"; }), HasSubstr("wide"));
  EXPECT_THAT(refusal([](auto& m) { m["network"]["classes"] = 4; }), HasSubstr("3 class names"));
  EXPECT_THAT(refusal([](auto& m) { m["network"]["genotype"]["normal"][0][0][0] = "warp"; }),
              HasSubstr("warp"));
  EXPECT_THAT(
      refusal([](auto& m) { m["network"]["stddev"][1] = 0; }),
      HasSubstr(
          "its description of the network: images cannot be normalised with the means (mean)"));
}

TEST(StoredNetwork, RefusesWeightsThatAreNotFinite) {
  const NetworkDescription d = description(3);
  EvaluationNetwork network(d.options);
  Checkpoint checkpoint = checkpoint_of(network, d);
  checkpoint.tensors.at("model.stem.0.weight")[0][0][0][0] = NAN;
  try {
    load_network(checkpoint, WeightsKind::best_known);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(),
                HasSubstr("a.safetensors holds numbers that are not finite (model.stem.0.weight)"));
  }
}

}  // namespace
}  // namespace darts
