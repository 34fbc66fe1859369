#include "search/golden_genotype.hpp"
#include "search/small_search.hpp"
#include "support/golden.hpp"

#include <darts/search/search_run.hpp>
#include <darts/search/selection.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/GradMode.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

using Json = nlohmann::ordered_json;
using testing::Comparison;
using testing::Golden;

constexpr double exact = 1e-9;

Json json_of(const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.contiguous();
  return Json::parse(
      std::string(reinterpret_cast<const char*>(bytes.const_data_ptr<std::uint8_t>()),
                  static_cast<std::size_t>(bytes.numel())));
}

/// A recorded selection: fixed weights and alphas, decisions one after the other.
class RecordedSelection {
 public:
  RecordedSelection(const Golden& golden, Execution execution)
      : golden_(golden), meta_(json_of(golden.at("meta_json"))), supernet_(options(execution)) {
    testing::make_double(*supernet_);
    Golden init = testing::part_of(golden, "init");
    for (const std::string& name : supernet_->theta().fixed_names()) {
      init.emplace(name, supernet_->theta().at(name).clone());
    }
    testing::load_state(*supernet_, init);
    mixings_ = SearchMethod().mix_all(supernet_->theta(), {}, Moves::nothing);
  }

  void check(Comparison& comparison) {
    const c10::NoGradGuard no_grad;
    supernet_->train();
    for (const Json& expected : json_of(golden_.at("decisions_json"))) {
      check_decision(expected, comparison);
    }
    const Mixings final = apply_selection(mixings_, supernet_->theta());
    comparison.expect_close(final.normal.operations, golden_.at("final_weights_normal"), exact,
                            "final_weights_normal");
    comparison.expect_close(final.reduce.operations, golden_.at("final_weights_reduce"), exact,
                            "final_weights_reduce");
    const Golden state = testing::state_of(*supernet_);
    for (const auto& [name, tensor] : testing::part_of(golden_, "final")) {
      // Means of what a batch norm has made 0 are what rounding leaves.
      const bool zero = tensor.is_floating_point() && tensor.abs().max().item<double>() < 1e-9;
      comparison.expect_close(state.at(name), tensor, zero ? 1e-6 : exact, name);
    }
    EXPECT_EQ(selected_genotype(supernet_->theta(), space_),
              testing::golden_genotype(json_of(golden_.at("final_genotype_json"))));
  }

 private:
  SupernetOptions options(Execution execution) {
    space_.primitives =
        everywhere(parse_primitives(meta_.at("primitives").get<std::vector<std::string>>()));
    SupernetOptions options;
    options.primitives = space_.primitives;
    options.channels = meta_.at("C");
    options.cells = meta_.at("layers");
    options.classes = meta_.at("classes");
    options.fixed_theta = selection_shapes(space_);
    options.execution.execution = execution;
    return options;
  }

  CandidateFigures judge(const Mixings& mixings) {
    CandidateFigures figures;
    double images = 0.0;
    for (int i = 0; golden_.contains("batch" + std::to_string(i) + "/x"); ++i) {
      const Golden batch = testing::part_of(golden_, "batch" + std::to_string(i));
      const at::Tensor logits = supernet_->forward(batch.at("x"), mixings);
      const auto size = static_cast<double>(logits.size(0));
      figures.loss += size * at::cross_entropy_loss(logits, batch.at("y")).item<double>();
      figures.accuracy += logits.argmax(1).eq(batch.at("y")).sum().item<double>();
      images += size;
    }
    return {figures.accuracy / images, figures.loss / images};
  }

  void check_decision(const Json& expected, Comparison& comparison) {
    const CellType type = expected.at("cell") == "normal" ? CellType::normal : CellType::reduction;
    const auto criterion =
        meta_.at("criterion") == "loss" ? SelectionCriterion::loss : SelectionCriterion::accuracy;
    const Judge judge = [this](const Mixings& mixings) { return this->judge(mixings); };
    const Theta theta = supernet_->theta();
    Decision decision;
    if (expected.at("kind") == "op") {
      decision =
          decide_operation(theta, mixings_, space_, type, expected.at("edge"), criterion, judge);
      EXPECT_EQ(decision.operation, expected.at("op").get<std::int64_t>()) << expected;
    } else {
      const std::int64_t node = expected.at("node");
      decision = decide_edges(theta, mixings_, space_, type, node, criterion, judge);
      EXPECT_EQ(Json(decision.kept), expected.at("edges")) << expected;
    }
    const Json& stats = expected.at("stats");
    ASSERT_EQ(decision.figures.size(), stats.size()) << expected;
    for (std::size_t i = 0; i < stats.size(); ++i) {
      EXPECT_NEAR(100.0 * decision.figures[i].accuracy, stats[i][0].get<double>(), 1e-9);
      comparison.expect_close(decision.figures[i].loss,
                              at::scalar_tensor(stats[i][1].get<double>(), at::kDouble), exact,
                              "loss");
    }
  }

  const Golden& golden_;
  Json meta_;
  SearchSpace space_;
  Supernet supernet_{nullptr};
  Mixings mixings_;
};

TEST(golden_selection, EveryDecisionAsRecorded) {
  testing::for_each_golden_file("methods/dartspt", ".pt", [](const auto& file) {
    const Golden golden = testing::read_golden(file);
    Comparison comparison(file.filename().string());
    RecordedSelection(golden, Execution::fused).check(comparison);
  });
}

TEST(Selection, TakesADecisionForEveryEdgeAndEveryNodeWithMoreThanItKeeps) {
  const SearchSpace space;
  EXPECT_EQ(count_decisions(space), 14 + 3);
  EXPECT_EQ(selection_epochs(space, {.interval = 5}), 5 * 16 + 1);
}

TEST(Selection, LeavesMixingWeightsAloneWithoutOne) {
  const Supernet supernet = testing::small_supernet();
  const Mixings mixings = testing::mixings_of(*supernet);
  const Mixings applied = apply_selection(mixings, supernet->theta());
  EXPECT_TRUE(applied.normal.operations.is_same(mixings.normal.operations));
  EXPECT_FALSE(applied.normal.active.defined());
  EXPECT_EQ(selected_genotype(supernet->theta(), {}), std::nullopt);
}

}  // namespace
}  // namespace darts
