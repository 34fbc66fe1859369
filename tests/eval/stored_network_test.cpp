#include "core/temporary_folder.hpp"
#include "support/module_helpers.hpp"

#include <darts/core/error.hpp>
#include <darts/core/module_state.hpp>
#include <darts/eval/stored_network.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  d.class_names.assign(static_cast<std::size_t>(classes), "thing");
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
  EXPECT_THAT(initialize_from(target, checkpoint),
              ElementsAre("auxiliary_head.classifier.bias", "auxiliary_head.classifier.weight",
                          "classifier.bias", "classifier.weight"));
  EXPECT_TRUE(target->named_parameters()["stem.0.weight"].equal(
      source->named_parameters()["stem.0.weight"]));
  EXPECT_EQ(target->named_parameters()["classifier.weight"].size(0), 4);
}

TEST(StoredNetwork, FineTuningRefusesAnotherNetwork) {
  const NetworkDescription d = description(10);
  EvaluationNetwork source(d.options);
  const Checkpoint checkpoint = checkpoint_of(source, d);
  NetworkDescription wider = description(10);
  wider.options.channels = 4;
  EvaluationNetwork target(wider.options);
  try {
    initialize_from(target, checkpoint);
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
}

}  // namespace
}  // namespace darts
