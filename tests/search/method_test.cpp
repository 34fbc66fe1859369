#include "core/expect_error.hpp"
#include "search/small_search.hpp"

#include <darts/search/search_checkpoint.hpp>
#include <darts/search/search_config.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace darts {
namespace {

using testing::Golden;
using testing::relative_error;
using testing::small_batch;

/// All that a method can do otherwise than DARTS: weights of edges beside alpha, a penalty, theta
/// that does not move in the first epoch, and w before theta.
class EdgeMethod : public SearchMethod {
 public:
  std::vector<ThetaShape> theta_shapes(const SearchSpace& space) const override {
    std::vector<ThetaShape> shapes = alpha_shapes(space);
    for (const CellType type : cell_types) {
      shapes.push_back({theta_name("betas", type), {shapes.front().sizes.front()}});
    }
    return shapes;
  }

  Mixing mix(const Theta& theta, CellType type, const SearchPosition& /*position*/,
             Moves /*moves*/) const override {
    return {at::softmax(theta.of("alphas", type), -1) *
            at::softmax(theta.of("betas", type), -1).unsqueeze(1)};
  }

  at::Tensor penalty(const Theta& theta, const SearchPosition& position) const override {
    return static_cast<double>(position.epoch) * theta.of("betas", CellType::normal).sum();
  }

  bool moves_theta(const SearchPosition& position) const override { return position.epoch > 0; }
  bool w_first() const override { return true; }
};

const auto edge_method = std::make_shared<const EdgeMethod>();

Supernet edge_supernet() {
  SupernetOptions options = testing::small_options();
  options.theta = edge_method->theta_shapes({options.primitives, options.nodes});
  return testing::small_supernet(options);
}

SearchStepOptions edge_options(SearchOrder order) {
  SearchStepOptions options;
  options.order = order;
  options.method = edge_method;
  return options;
}

TEST(Method, EveryMethodHasOneRowAndIsMadeByName) {
  std::set<std::string_view> names;
  for (const SearchMethodRow& row : search_methods()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(make_method(row.name), nullptr);
    EXPECT_FALSE(row.help.empty());
    EXPECT_FALSE(row.paper.empty());
  }
  EXPECT_TRUE(names.contains("darts"));
  EXPECT_THAT(testing::error_of([] { make_method("dats"); }),
              ::testing::AllOf(::testing::HasSubstr("dats"), ::testing::HasSubstr("darts")));
}

TEST(Method, SettingsOfOtherMethodsHaveNoEffectAndSaySo) {
  SearchConfig config;
  EXPECT_TRUE(unused_method_settings(config).empty());
  FieldTable table = fields(config);
  table.set("gdas.tau_end", "0.1");  // as it is
  EXPECT_TRUE(unused_method_settings(config).empty());
  table.set("gdas.tau_end", "0.2");
  table.set("fair_darts.derivation", "threshold_edge");
  EXPECT_THAT(
      unused_method_settings(config),
      ::testing::ElementsAre("gdas.tau_end has no effect: search.method is darts",
                             "fair_darts.derivation has no effect: search.method is darts"));
  config.search.method = "gdas";
  EXPECT_THAT(unused_method_settings(config),
              ::testing::ElementsAre("fair_darts.derivation has no effect: search.method is gdas"));
}

TEST(Method, DartsMixesBySoftmaxAndAsksForNothingElse) {
  const Supernet supernet = testing::small_supernet();
  const SearchMethod darts;
  const Theta theta = supernet->theta();
  EXPECT_EQ(theta.names(), (std::vector<std::string>{"alphas_normal", "alphas_reduce"}));
  for (const CellType type : cell_types) {
    const at::Tensor expected = at::softmax(theta.alphas().of(type), -1);
    EXPECT_TRUE(darts.mix(theta, type, {}, Moves::w).operations.equal(expected));
    EXPECT_TRUE(darts.strengths(theta, type).equal(expected));
  }
  EXPECT_FALSE(darts.penalty(theta, {}).defined());
  EXPECT_TRUE(darts.moves_theta({}));
  EXPECT_FALSE(darts.w_first());
}

TEST(Theta, NamesItsTensors) {
  const Supernet supernet = edge_supernet();
  const Theta theta = supernet->theta();
  EXPECT_EQ(theta.names().back(), "betas_reduce");
  EXPECT_TRUE(theta.of("betas", CellType::reduction).is_same(theta.at("betas_reduce")));
  EXPECT_THROW(theta.at("gammas_normal"), c10::Error);
  EXPECT_EQ(supernet->weights().size() + 4, supernet->parameters().size());
}

TEST(ThetaPass, CarriesTheGradientThroughTheMixing) {
  Supernet supernet = edge_supernet();
  ThetaPass pass(supernet, make_pass(supernet), edge_method);
  const Batch batch = small_batch(3);
  const auto result = pass.run(batch, Differentiate::mixing, {}, Moves::theta);
  ASSERT_EQ(result.theta.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const at::Tensor theta = supernet->theta().tensors()[i].detach();
    const at::Tensor entry = theta.view(-1)[1];
    const double value = entry.item<double>();
    const auto loss_at = [&](double moved) {
      entry.fill_(moved);
      return pass.run(batch, Differentiate::weights, {}, Moves::theta).loss.item<double>();
    };
    constexpr double step = 1e-5;
    const double difference = (loss_at(value + step) - loss_at(value - step)) / (2.0 * step);
    entry.fill_(value);
    EXPECT_NEAR(result.theta[i].view(-1)[1].item<double>(), difference,
                1e-6 * std::max(1.0, std::abs(difference)))
        << supernet->theta().names()[i];
  }
}

TEST(SearchStep, ThetaStaysWhereTheMethodSaysSo) {
  for (const SearchOrderRow& row : search_orders()) {
    Supernet supernet = edge_supernet();
    SearchStep step(supernet, edge_options(row.order));
    const Golden before = testing::copy_of_state(*supernet);
    step.run(small_batch(1), small_batch(2), 0.1, {0, 2, 0});
    for (const std::string& name : supernet->theta().names()) {
      EXPECT_TRUE(supernet->theta().at(name).equal(before.at(name))) << row.name << " " << name;
    }
    EXPECT_FALSE(supernet->weights().front().equal(before.at("stem.0.weight")));
    step.run(small_batch(1), small_batch(2), 0.1, {1, 2, 0});
    for (const std::string& name : supernet->theta().names()) {
      EXPECT_FALSE(supernet->theta().at(name).equal(before.at(name))) << row.name << " " << name;
    }
  }
}

TEST(SearchStep, WFirstTakesThetasGradientAtTheMovedWeightsAndAddsThePenalty) {
  Supernet supernet = edge_supernet();
  Supernet other = edge_supernet();
  const Batch train = small_batch(1);
  const Batch valid = small_batch(2);
  SearchStep(supernet, edge_options(SearchOrder::first)).run(train, valid, 0.1, {1, 2, 0});

  SearchStep alone(other, edge_options(SearchOrder::first));
  alone.run(train, valid, 0.1, {0, 2, 0});  // w alone
  ThetaPass pass(other, make_pass(other), edge_method);
  const auto expected = pass.run(valid, Differentiate::mixing, {}, Moves::theta).theta;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double penalty = supernet->theta().names()[i] == "betas_normal" ? 1.0 : 0.0;
    EXPECT_LT(relative_error(supernet->theta().tensors()[i].grad(), expected[i] + penalty), 1e-12)
        << i;
  }
}

TEST(SearchCheckpoint, HoldsAllOfTheta) {
  const SearchConfig config;
  Supernet supernet = edge_supernet();
  SearchStep step(supernet, edge_options(SearchOrder::joint));
  step.run(small_batch(1), {}, 0.1, {1, 2, 0});
  const Checkpoint checkpoint = make_checkpoint({supernet, step}, {}, config);
  const StoredTheta stored = theta_of(checkpoint);
  EXPECT_EQ(stored.theta.names(), supernet->theta().names());
  EXPECT_TRUE(stored.theta.at("betas_normal").equal(supernet->theta().at("betas_normal")));

  Supernet back = edge_supernet();
  SearchStep back_step(back, edge_options(SearchOrder::joint));
  restore_checkpoint(checkpoint, {back, back_step}, config);
  step.run(small_batch(3), {}, 0.1, {1, 2, 1});
  back_step.run(small_batch(3), {}, 0.1, {1, 2, 1});
  for (const auto& [name, tensor] : testing::copy_of_state(*supernet)) {
    EXPECT_TRUE(testing::state_of(*back).at(name).equal(tensor)) << name;
  }
}

TEST(SearchCheckpoint, FromWhichNoCellCouldBeDerivedIsRefused) {
  Supernet supernet = testing::small_supernet();
  SearchStepOptions options;
  options.order = SearchOrder::first;
  SearchStep step(supernet, options);
  Checkpoint checkpoint = make_checkpoint({supernet, step}, {}, SearchConfig());
  checkpoint.file = "c.safetensors";
  const auto refusal = [&](const std::function<void(Checkpoint&, nlohmann::json&)>& change) {
    Checkpoint changed = checkpoint;
    auto meta = nlohmann::json::parse(changed.meta);
    change(changed, meta);
    changed.meta = meta.dump();
    return testing::error_of([&] { theta_of(changed); });
  };
  EXPECT_THAT(
      refusal([](auto&, auto& meta) { meta["edges_per_node"] = 0; }),
      ::testing::HasSubstr("c.safetensors: its edges_per_node: a node keeps 1 edge or more"));
  EXPECT_THAT(refusal([](auto&, auto& meta) {
                meta["edges_per_node"] = {2, 0};
              }),
              ::testing::HasSubstr("c.safetensors: its edges_per_node"));
  EXPECT_THAT(refusal([](auto&, auto& meta) { meta["edges_per_node"] = "two"; }),
              ::testing::HasSubstr(
                  "c.safetensors: \"edges_per_node\": must be a whole number, got \"two\""));
  EXPECT_THAT(refusal([](auto&, auto& meta) { meta["kind"] = "train"; }),
              ::testing::HasSubstr("c.safetensors is a checkpoint of a training"));
  EXPECT_THAT(
      refusal([](auto& changed, auto&) {
        at::Tensor alphas = changed.tensors.at("model.alphas_reduce").clone();
        alphas[0][0] = std::numeric_limits<double>::quiet_NaN();
        changed.tensors["model.alphas_reduce"] = alphas;
      }),
      ::testing::HasSubstr("c.safetensors: alphas_reduce holds numbers that are not finite"));
}

/// A checkpoint written when the order was the method, and before a part of the state was saved.
TEST(SearchCheckpoint, OfAnEarlierVersionIsResumed) {
  SearchConfig config;
  config.search.order = SearchOrder::first;
  Supernet supernet = testing::small_supernet();
  SearchStepOptions options;
  options.order = SearchOrder::first;
  SearchStep step(supernet, options);
  step.run(small_batch(1), small_batch(2), 0.1);
  Checkpoint checkpoint = make_checkpoint({supernet, step}, {{.epoch = 3}}, config);
  auto meta = nlohmann::json::parse(checkpoint.meta);
  auto identity = meta.at("identity").get<std::string>();
  const std::string now = "  method: darts\n  order: first\n";
  ASSERT_NE(identity.find(now), std::string::npos) << identity;
  identity.replace(identity.find(now), now.size(), "  method: first\n");
  meta["identity"] = identity;
  meta["state"].erase("loader_seconds");
  checkpoint.meta = meta.dump();
  EXPECT_EQ(restore_checkpoint(checkpoint, {supernet, step}, config).epoch, 3);
  config.search.order = SearchOrder::second;
  EXPECT_THAT(testing::error_of([&] {
                restore_checkpoint(checkpoint, {supernet, step}, config);
              }),
              ::testing::HasSubstr("search.order: second, then search.order: first"));
}

}  // namespace
}  // namespace darts
