// A search that is started and gone on with by the library's few lines, as a program of its own
// would.
#include "core/temporary_folder.hpp"
#include "search/run_records.hpp"
#include "search/tiny_search.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/json_lines.hpp>
#include <darts/search/search_run.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;
using testing::records_of;
using testing::tiny_search;

/// After so many steps and batches of a validation.
RunHooks stop_after(int asked) {
  RunHooks hooks;
  hooks.should_stop = [asked]() mutable { return --asked == 0; };
  return hooks;
}

TEST(SearchRun, IsStartedAndResumedInAFewLines) {
  const testing::TemporaryFolder folder;
  const SearchConfig config = tiny_search(folder.path());
  const auto whole = SearchRun::start(config);
  EXPECT_EQ(whole->run(), RunOutcome::finished);
  EXPECT_EQ(load_genotype(whole->directory().genotype().string()).name, config.name);

  fs::path directory;
  {
    const auto stopped = SearchRun::start(config, stop_after(14));
    EXPECT_EQ(stopped->run(), RunOutcome::stopped);
    EXPECT_EQ(stopped->state().epoch, 1);
    directory = stopped->directory().path();
  }
  const auto resumed = SearchRun::resume(directory);
  EXPECT_EQ(resumed->run(), RunOutcome::finished);
  for (const auto& [one, other] :
       {std::pair(whole->directory().alphas(), resumed->directory().alphas()),
        std::pair(whole->directory().genotype(), resumed->directory().genotype())}) {
    EXPECT_EQ(read_file(one), read_file(other)) << one;
  }
  EXPECT_EQ(whole->state().best_accuracy, resumed->state().best_accuracy);
  EXPECT_EQ(read_json_lines(resumed->directory().metrics()).size(), 14U);

  const auto from = SearchRun::start(config, {}, *whole->directory().latest_checkpoint());
  const auto recorded = read_json_lines(from->directory().alphas());
  EXPECT_EQ(recorded.front().at("normal"),
            read_json_lines(whole->directory().alphas()).back().at("normal"));
}

/// Drop path and cutout rise from nothing, also in a search that was stopped on the way.
TEST(SearchRun, RegularisesMoreFromEpochToEpoch) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.search.epochs = 3;
  const auto plain = SearchRun::start(config);
  plain->run();
  config.data.augmentation.cutout = 16;
  config.search.cutout_rises = true;
  config.search.drop_path = 0.5;
  const auto whole = SearchRun::start(config);
  whole->run();
  const auto lines = [](const SearchRun& run) { return read_json_lines(run.directory().alphas()); };
  const auto near = [](const nlohmann::json& a, const nlohmann::json& b) {
    return std::abs(a.at("reduce")[0][1].get<double>() - b.at("reduce")[0][1].get<double>()) < 1e-6;
  };
  ASSERT_EQ(lines(*whole).size(), 4U);
  EXPECT_TRUE(near(lines(*whole)[1], lines(*plain)[1]));  // the first epoch drops and cuts nothing
  EXPECT_FALSE(near(lines(*whole)[2], lines(*plain)[2]));

  fs::path directory;
  {
    const auto stopped = SearchRun::start(config, stop_after(16));
    EXPECT_EQ(stopped->run(), RunOutcome::stopped);
    directory = stopped->directory().path();
  }
  EXPECT_EQ(SearchRun::resume(directory)->run(), RunOutcome::finished);
  EXPECT_EQ(read_file(directory / "alphas.jsonl"), read_file(whole->directory().alphas()));
}

std::string alphas_of(const SearchConfig& config) {
  const auto run = SearchRun::start(config);
  EXPECT_EQ(run->run(), RunOutcome::finished);
  return read_file(run->directory().alphas());
}

TEST(SearchRun, MeasuresItsCurvatureAndGoesOnAsIfItHadNot) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.search.epochs = 4;
  const std::string alphas = alphas_of(config);
  for (const CurvatureProducts products :
       {CurvatureProducts::exact, CurvatureProducts::difference}) {
    config.search.curvature = {2, products};
    const auto run = SearchRun::start(config);
    EXPECT_EQ(run->run(), RunOutcome::finished);
    EXPECT_EQ(read_file(run->directory().alphas()), alphas);
    for (const auto& record : records_of(run->directory().path(), "epoch")) {
      const bool measured = record.at("epoch") != 2;
      EXPECT_EQ(record.contains("eigenvalue"), measured) << record;
      EXPECT_EQ(record.contains("eigenvalue_seconds"), measured) << record;
      EXPECT_GT(record.at("none_share_normal").get<double>(), 0.3);
      EXPECT_LT(record.at("none_share_reduce").get<double>(), 0.4);
    }
    EXPECT_THAT(read_file(run->directory().log()), ::testing::HasSubstr("eigenvalue 0."));
  }
}

TEST(SearchRun, StopsEarlyWithAnEarlierGenotypeAndIsFinishedThen) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.search.epochs = 9;
  config.search.curvature.every = 1;
  // Any two eigenvalues will do.
  config.early_stop = {
      .by = EarlyStop::eigenvalue, .window = 1, .factor = 1e-9, .delta = 2, .start_epoch = 1};
  const auto run = SearchRun::start(config);
  EXPECT_EQ(run->run(), RunOutcome::finished);
  EXPECT_EQ(run->state().epoch, 4);
  const RunDirectory& directory = run->directory();
  EXPECT_EQ(load_genotype(directory.genotype().string()),
            load_genotype(directory.genotype_of_epoch(2).string()));
  const auto provenance = nlohmann::json::parse(read_file(directory.genotype())).at("provenance");
  EXPECT_EQ(provenance.at("epoch"), 2);
  EXPECT_EQ(provenance.at("early_stop").at("by"), "eigenvalue");
  EXPECT_EQ(provenance.at("early_stop").at("after_epoch"), 4);
  const auto records = records_of(directory.path(), "early_stop");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records.front().at("genotype_epoch"), 2);
  EXPECT_THAT(read_file(directory.log()),
              ::testing::HasSubstr("stopped early after epoch 4 of 9 (the mean of 1 eigenvalues"));
}

TEST(SearchRun, StopsOnceItsGenotypeStaysTheSame) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.search.epochs = 9;
  config.alpha.learning_rate = 1e-9;
  config.early_stop = {.by = EarlyStop::stable, .stable_epochs = 2};
  const auto run = SearchRun::start(config);
  EXPECT_EQ(run->run(), RunOutcome::finished);
  EXPECT_EQ(run->state().epoch, 3);
}

TEST(SearchRun, ClassifiesTheHeldOutImagesByStatisticsOfTheBatchOnRequest) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.space.primitives = {"skip_connect", "sep_conv_3x3"};
  const auto running = SearchRun::start(config);
  EXPECT_EQ(running->run(), RunOutcome::finished);
  config.search.validation_statistics = ValidationStatistics::batch;
  const auto batch = SearchRun::start(config);
  EXPECT_EQ(batch->run(), RunOutcome::finished);
  EXPECT_EQ(read_file(running->directory().alphas()), read_file(batch->directory().alphas()))
      << "running statistics are left as they were";
  EXPECT_NE(records_of(running->directory().path(), "epoch").front().at("valid_loss"),
            records_of(batch->directory().path(), "epoch").front().at("valid_loss"));
}

TEST(SearchRun, StartsFromWeightsAsTheyAreToBeDrawn) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  config.space.primitives = {"skip_connect", "sep_conv_3x3"};
  config.alpha.learning_rate = 1e-9;
  const auto losses = [&] {
    const auto run = SearchRun::start(config);
    EXPECT_EQ(run->run(), RunOutcome::finished);
    return records_of(run->directory().path(), "epoch").front().at("train_loss").get<double>();
  };
  const double modern = losses();
  EXPECT_EQ(losses(), modern);
  config.w.init = WeightInit::pytorch_0_3;
  EXPECT_NE(losses(), modern);
  config.w.init = WeightInit::modern;
  config.space.stem_affine = false;
  EXPECT_NE(losses(), modern) << "the stem's scale and shift do not learn";
}

TEST(SearchRun, StartsFromAlphasOfTheSizeAskedFor) {
  const testing::TemporaryFolder folder;
  SearchConfig config = tiny_search(folder.path());
  const auto first = [&] {
    return read_json_lines(SearchRun::start(config)->directory().alphas()).front().at("normal");
  };
  const double usual = first()[0][0];
  EXPECT_NE(usual, 0.0);
  config.alpha.init_scale = 0.5;
  EXPECT_NEAR(first()[0][0].get<double>(), 500.0 * usual, 1e-6);
  config.alpha.init_scale = 0.0;
  for (const auto& row : first()) {
    for (const double alpha : row) {
      EXPECT_EQ(alpha, 0.0);
    }
  }
}

}  // namespace
}  // namespace darts
