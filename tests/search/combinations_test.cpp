// Settings that meet in one search: drop path with what is measured, edges of unequal length with a
// method's own terms, a start from another method's search.
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "search/run_records.hpp"
#include "search/tiny_search.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/run/load_config.hpp>
#include <darts/search/methods/gaea.hpp>
#include <darts/search/methods/p_darts.hpp>
#include <darts/search/search_run.hpp>

#include <ATen/ops/tensor.h>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::records_of;
using testing::tiny_search;

/// Of three epochs in which nothing learns, so that figures differ by what is dropped alone.
std::vector<double> figures_of(SearchConfig config, double drop_path, const std::string& figure) {
  config.search.epochs = 3;
  config.search.drop_path = drop_path;
  config.w.learning_rate = config.w.learning_rate_min = config.alpha.learning_rate = 1e-12;
  const auto run = SearchRun::start(config);
  EXPECT_EQ(run->run(), RunOutcome::finished);
  std::vector<double> figures;
  for (const auto& record : records_of(run->directory().path(), "epoch")) {
    figures.push_back(record.at(figure).get<double>());
  }
  return figures;
}

TEST(DropPath, DropsNothingOfTheHeldOutImages) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.search.validation_statistics = ValidationStatistics::batch;
  const std::vector<double> whole = figures_of(config, 0.0, "valid_loss");
  const std::vector<double> dropping = figures_of(config, 0.9, "valid_loss");
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    EXPECT_NEAR(dropping[epoch], whole[epoch], 1e-5) << epoch;
  }
}

TEST(DropPath, IsPartOfTheCurvatureAsInItsAuthorsCode) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  for (const CurvatureProducts products :
       {CurvatureProducts::exact, CurvatureProducts::difference}) {
    config.search.curvature = {1, products};
    const std::vector<double> whole = figures_of(config, 0.0, "eigenvalue");
    const std::vector<double> dropping = figures_of(config, 0.9, "eigenvalue");
    EXPECT_NEAR(dropping[0], whole[0], 1e-5) << "it rises from nothing";
    EXPECT_GT(std::abs(dropping[2] - whole[2]), 1e-4);
  }
}

TEST(DropPath, IsNoPartOfASelectionsDecisions) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.selection = {.by = Selection::perturbation, .interval = 1};
  config.search.drop_path = 0.6;
  config.run.keep_checkpoints = 100;
  const auto whole = SearchRun::start(config);
  ASSERT_EQ(whole->run(), RunOutcome::finished);
  const fs::path copy = folder.path() / "copy";
  fs::copy(whole->directory().path(), copy, fs::copy_options::recursive);
  int removed = 0;
  for (const auto& file : fs::directory_iterator(copy / "checkpoints")) {
    if (file.path().filename().string() > "epoch_001_step_000000.safetensors") {
      removed += fs::remove(file.path()) ? 1 : 0;
    }
  }
  ASSERT_GT(removed, 0);
  const auto resumed = SearchRun::resume(copy);
  ASSERT_EQ(resumed->state().epoch, 1);
  ASSERT_EQ(resumed->state().step, 0);
  ASSERT_EQ(resumed->run(), RunOutcome::finished);
  EXPECT_EQ(records_of(copy, "decision"), records_of(whole->directory().path(), "decision"));
  EXPECT_EQ(read_file(copy / "alphas.jsonl"), read_file(whole->directory().alphas()));
}

/// Edge 0 offers three operations, edge 1 one.
CellPrimitives unequal() {
  return parse_cell_primitives(
      {{"skip_connect", "max_pool_3x3", "sep_conv_3x3"}, {"skip_connect"}});
}

TEST(UnequalEdges, EntropyOfGaeaIsThatOfWhatIsOffered) {
  SearchSpace space;
  space.nodes = 1;
  space.primitives = {unequal(), unequal()};
  const at::Tensor alpha = at::tensor({0.5, 0.25, 0.25, 1.0, 0.0, 0.0}, at::kDouble)
                               .view({2, 3})
                               .set_requires_grad(true);
  Theta theta({alpha, at::Tensor(alpha.detach().clone()).set_requires_grad(true)});
  theta.set_missing(missing_columns(space, theta.alphas()));
  const Gaea gaea(Gaea::Options{.partial = 1, .entropy_weight = 1.0});
  const at::Tensor penalty = gaea.penalty(theta, {});
  EXPECT_NEAR(penalty.item<double>(), 2.0 * (0.5 * std::log(1.5) + 0.5 * std::log(0.75)), 1e-12);
  penalty.backward();
  const at::Tensor expected =
      at::tensor({std::log(1.5) + 1.0, std::log(0.75) + 1.0, std::log(0.75) + 1.0, 1.0, 0.0, 0.0},
                 at::kDouble)
          .view({2, 3});
  EXPECT_TRUE(alpha.grad().allclose(expected, 1e-12)) << alpha.grad();
}

TEST(UnequalEdges, KeepTheirStrongestOperations) {
  const at::Tensor strengths = at::tensor({0.2, 0.5, 0.3, 1.0, 0.0, 0.0}, at::kDouble).view({2, 3});
  const CellPrimitives kept = strongest(strengths, unequal(), 2);
  ASSERT_EQ(kept.of(0).size(), 2U);
  EXPECT_EQ(kept.of(0)[0].name(), "max_pool_3x3");
  EXPECT_EQ(kept.of(0)[1].name(), "sep_conv_3x3");
  EXPECT_EQ(kept.of(1).size(), 1U) << "an edge with fewer keeps what it has";
}

SupernetOptions options_with(const std::vector<std::string>& settings) {
  SearchConfig config;
  FieldTable table = fields(config);
  for (const std::string& setting : settings) {
    table.assign(setting);
  }
  return supernet_options(config, first_stage(config), 3, 10);
}

/// What is said before anything runs.
std::string refusal_of(const std::vector<std::string>& settings) {
  return testing::error_of([&] { options_with(settings); });
}

TEST(Combinations, ThatCannotWorkAreRefusedAtTheStart) {
  EXPECT_THAT(refusal_of({"search.method=gdas", "search.order=first", "selection.by=perturbation"}),
              AllOf(HasSubstr("gdas"), HasSubstr("drawn operation")));
  EXPECT_THAT(refusal_of({"search.early_stop=skips", "derive.max_skips=2"}),
              AllOf(HasSubstr("would never stop"), HasSubstr("derive.max_skips")));
  EXPECT_NO_THROW(options_with({"search.early_stop=skips", "derive.max_skips=3"}));
  EXPECT_THAT(refusal_of({"search.method=drnas", "search.order=first", "drnas.partial=2",
                          "space.channels=12"}),
              AllOf(HasSubstr("drnas.partial_later: 4"), HasSubstr("drnas.partial, 2")));
  EXPECT_THAT(refusal_of({"search.method=drnas", "search.order=first", "drnas.partial=4",
                          "drnas.partial_later=3", "space.channels=16"}),
              HasSubstr("drnas.partial_later"))
      << "which counts in the second stage alone";
}

TEST(Combinations, AGenotypeIsNotCappedByAMethodThatDerivesInItsOwnWay) {
  SearchConfig config;
  fields(config).assign("derive.max_skips=1");
  EXPECT_EQ(search_space(config).most_skips, 1);
  fields(config).assign("search.method=gdas");
  EXPECT_THAT(testing::error_of([&] { search_space(config); }),
              AllOf(HasSubstr("derive.max_skips"), HasSubstr("gdas")));
}

TEST(Combinations, WhatIsDrawnInTwoStagesIsNotTheSame) {
  EXPECT_EQ((SearchPosition{.epoch = 1, .epochs = 4, .stage = 2}.epoch_of_all()), 9);
  EXPECT_EQ((SearchPosition{.epoch = 1, .epochs = 4}.epoch_of_all()), 1);
}

class StartTest : public ::testing::Test {
 protected:
  fs::path search(const SearchConfig& config, const fs::path& from = {}) {
    const auto run = SearchRun::start(config, {}, from);
    EXPECT_EQ(run->run(), RunOutcome::finished);
    return run->directory().path();
  }
  static nlohmann::json first_alphas(const fs::path& run) {
    return read_json_lines(run / "alphas.jsonl").front().at("normal");
  }

  testing::TemporaryFolder folder_;
  SearchConfig config_ = tiny_search(folder_.path());
};

TEST_F(StartTest, LeavesAlphaWhereItIsAWeightToOneMethodAndALogitToTheOther) {
  const fs::path darts = search(config_);
  SearchConfig gaea = config_;
  FieldTable table = fields(gaea);
  table.assign("search.method=gaea");
  table.assign("gaea.partial=1");
  const fs::path from_darts = search(gaea, *latest_checkpoint_of(darts));
  for (const auto& row : first_alphas(from_darts)) {
    for (const double weight : row) {
      EXPECT_NEAR(weight, 1.0 / 3.0, 1e-6) << "as it begins";
    }
  }
  const fs::path from_gaea = search(gaea, *latest_checkpoint_of(from_darts));
  EXPECT_EQ(first_alphas(from_gaea),
            read_json_lines(from_darts / "alphas.jsonl").back().at("normal"));
}

TEST_F(StartTest, ASelectionFromASelectionDecidesAnew) {
  config_.selection = {.by = Selection::perturbation, .interval = 1};
  const fs::path first = search(config_);
  const fs::path second = search(config_, *latest_checkpoint_of(first));
  EXPECT_EQ(records_of(second, "decision").size(), records_of(first, "decision").size());
  EXPECT_GT(records_of(second, "decision").size(), 0U);
}

TEST_F(StartTest, ARunThatWasKilledBeforeItsFirstCheckpointBeginsWithTheConfigAtHand) {
  const fs::path run = search(config_);
  fs::remove_all(run / "checkpoints");
  config_.search.epochs = 1;
  const auto again = SearchRun::resume(RunDirectory::open(run), config_);
  EXPECT_EQ(again->run(), RunOutcome::finished);
  EXPECT_EQ(load_config<SearchConfig>(run / "config.yaml").search.epochs, 1);
  EXPECT_EQ(records_of(run, "epoch").size(), 1U);
}

}  // namespace
}  // namespace darts
