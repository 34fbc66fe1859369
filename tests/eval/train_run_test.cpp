// A training, and a test of what it trained, by the library's few lines.
#include "core/temporary_folder.hpp"
#include "data/fixtures.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/eval/train_run.hpp>
#include <darts/eval/trained_network.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// Two epochs of six steps.
TrainConfig tiny_config(const fs::path& folder) {
  test::write_fashion_mnist(folder / "data", 48);
  TrainConfig config;
  config.data.set.root = folder / "data";
  config.data.workers = 0;
  config.network.cells = 2;
  config.network.channels = 2;
  config.train.epochs = 2;
  config.train.batch_size = 8;
  config.runtime.device = "cpu";
  config.runtime.threads = 1;
  config.run.root = folder / "runs";
  return config;
}

Genotype tiny_genotype(const fs::path& folder) {
  test::write_file(folder / "genotype.txt",
                   "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2],"
                   " reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])");
  return load_genotype((folder / "genotype.txt").string());
}

TEST(TrainRun, IsStartedResumedAndTestedInAFewLines) {
  const testing::TemporaryFolder folder;
  const TrainConfig config = tiny_config(folder.path());
  RunHooks hooks;
  hooks.should_stop = [steps = 8]() mutable { return --steps == 0; };
  fs::path directory;
  {
    const auto training = TrainRun::start(config, tiny_genotype(folder.path()), hooks);
    EXPECT_EQ(training->run(), RunOutcome::stopped);
    EXPECT_FALSE(training->out_of_time());
    directory = training->directory().path();
  }
  const auto training = TrainRun::resume(directory);
  EXPECT_EQ(training->run(), RunOutcome::finished);
  EXPECT_EQ(training->result().epochs, 2);

  TrainedNetwork trained = load_trained_network(directory);
  const NetworkTest options;
  const TestOutcome outcome = test_network(trained, options);
  EXPECT_EQ(outcome.scores.images(), 48);
  EXPECT_DOUBLE_EQ(outcome.scores.top1(), training->result().top1);
  EXPECT_TRUE(options.is_whole(trained));
  NetworkTest elsewhere = options;
  elsewhere.data.root = directory;
  EXPECT_FALSE(elsewhere.is_whole(trained));
  elsewhere.data.root = trained.description.root + "/.";
  EXPECT_TRUE(elsewhere.is_whole(trained));
  TrainedNetworkOptions picked;
  picked.best = true;
  EXPECT_FALSE(options.is_whole(load_trained_network(directory, picked)));
  TrainedNetworkOptions as_trained;
  as_trained.weights = WeightsKind::trained;
  EXPECT_FALSE(options.is_whole(load_trained_network(directory, as_trained)));
  const auto report = test_report(trained, options, outcome);
  EXPECT_EQ(report.at("dataset"), "fashion_mnist");
  EXPECT_EQ(report.at("split"), "test");
}

TEST(TrainRun, StartsFromWeightsAsTheyAreToBeDrawn) {
  const testing::TemporaryFolder folder;
  TrainConfig config = tiny_config(folder.path());
  config.network.cells = 3;  // the first of which is a normal one
  config.train.epochs = 1;
  const auto loss = [&] {
    const auto training = TrainRun::start(config, tiny_genotype(folder.path()));
    EXPECT_EQ(training->run(), RunOutcome::finished);
    const auto result = read_file(training->directory().path() / "result.json");
    return nlohmann::json::parse(result).at("test_loss").get<double>();
  };
  const double modern = loss();
  EXPECT_EQ(loss(), modern);
  config.w.init = WeightInit::pytorch_0_3;
  EXPECT_NE(loss(), modern);
}

TEST(TrainRun, EndsWithItsTime) {
  const testing::TemporaryFolder folder;
  TrainConfig config = tiny_config(folder.path());
  config.train.max_hours = 1e-9;
  const auto training = TrainRun::start(config, tiny_genotype(folder.path()));
  EXPECT_EQ(training->run(), RunOutcome::stopped);
  EXPECT_TRUE(training->out_of_time());
  EXPECT_EQ(training->state().step, 1);
}

}  // namespace
}  // namespace darts
