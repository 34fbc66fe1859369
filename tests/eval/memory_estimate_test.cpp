#include "support/config_of.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/ops/count.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

constexpr BatchSizes paper_batch{96, 32, 32};

EvaluationNetworkOptions network_of(const TrainConfig& config, const std::string& genotype) {
  return network_options(config, load_genotype(genotype), 3, 10);
}

MemoryNeed need_with(const std::vector<std::string>& settings,
                     const BatchSizes& batch = paper_batch) {
  const TrainConfig config = testing::config_of<TrainConfig>(settings);
  return memory_need(config, network_of(config, "DARTS_V2"), batch);
}

/// 3.6 GB are measured.
TEST(TrainMemory, OfThePapersTrainingIsNearlyWhatItTakes) {
  const MemoryNeed need = need_with({});
  EXPECT_GT(need.activations, 2.6e9);
  EXPECT_LT(need.activations, 3.4e9);
  EXPECT_LT(need.weights + need.modules, 0.1e9);
}

TEST(TrainMemory, CountsTheWeightsOfTheNetwork) {
  for (const char* genotype : {"DARTS_V2", "NASNet", "AmoebaNet"}) {
    for (const char* stem : {"network.stem=cifar", "network.stem=imagenet"}) {
      const TrainConfig config =
          testing::config_of<TrainConfig>({stem, "network.cells=5", "network.channels=6"});
      const EvaluationNetworkOptions options = network_of(config, genotype);
      EXPECT_DOUBLE_EQ(memory_to_run(options, {1, 64, 64}).weights,
                       4 * static_cast<double>(count_network(options, 64, 64).parameters))
          << genotype << ", " << stem;
      EXPECT_DOUBLE_EQ(memory_need(config, options, {8, 64, 64}).weights,
                       3 * 4 * static_cast<double>(count_parameters(*EvaluationNetwork(options))));
    }
  }
}

TEST(TrainMemory, GrowsWithTheBatchAndItsImages) {
  const double one = need_with({}).activations;
  EXPECT_DOUBLE_EQ(need_with({}, {192, 32, 32}).activations, 2 * one);
  EXPECT_DOUBLE_EQ(need_with({}, {96, 64, 64}).activations, 4 * one);
  EXPECT_DOUBLE_EQ(need_with({"runtime.precision=bf16"}).activations, one / 2);
  EXPECT_DOUBLE_EQ(need_with({"train.parts=3"}).activations, one / 3);
  EXPECT_DOUBLE_EQ(need_with({"train.parts=1000"}).activations, one / 48);  // two images at least
  EXPECT_DOUBLE_EQ(need_with({"train.average=0.999"}).weights, need_with({}).weights * 4 / 3);
}

/// The outputs of three cells of 4 · 36 channels.
TEST(TrainMemory, OfATestIsLittle) {
  const EvaluationNetworkOptions options =
      network_of(testing::config_of<TrainConfig>({}), "DARTS_V2");
  const MemoryNeed need = memory_to_run(options, paper_batch);
  EXPECT_EQ(need.activations, 96.0 * 4 * 1024 * 36 * 4 * 3);
  EXPECT_EQ(memory_to_run(options, paper_batch, Precision::bf16).activations, need.activations / 2);
}

}  // namespace
}  // namespace darts
