#include "core/expect_error.hpp"
#include "support/config_of.hpp"

#include <darts/core/doing.hpp>
#include <darts/ops/count.hpp>
#include <darts/search/memory_estimate.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace darts {
namespace {

const c10::Device cpu(c10::kCPU);
constexpr BatchSizes paper_batch{64, 32, 32};

SupernetOptions options_of(const SearchConfig& config) {
  return supernet_options(config, first_stage(config), 3, 10);
}

MemoryNeed need_with(const std::vector<std::string>& settings,
                     const BatchSizes& batch = paper_batch, const c10::Device& device = cpu) {
  const SearchConfig config = testing::config_of<SearchConfig>(settings);
  return memory_need(config, options_of(config), batch, device);
}

/// 2.0 GB are measured.
TEST(SearchMemory, OfThePapersSearchIsNearlyWhatItTakes) {
  const MemoryNeed need = need_with({});
  EXPECT_NEAR(need.activations, 1.78e9, 0.01e9);
  EXPECT_LT(need.weights + need.modules, 0.1e9);
}

TEST(SearchMemory, CurvatureIsMeasuredInFloat64) {
  EXPECT_EQ(need_with({"search.curvature_every=2"}).activations, 2.0 * need_with({}).activations);
  EXPECT_NE(need_with({"search.curvature_every=2"}).lower.find("curvature_every"),
            std::string::npos);
}

TEST(SearchMemory, SecondOrderKeepsTheWeightsThatItUnrollsFrom) {
  EXPECT_DOUBLE_EQ(3 * need_with({"search.order=second"}).weights,
                   4 * need_with({"search.order=first"}).weights);
}

/// One reduction cell of one node, 4 → 8 channels, 16×16 → 8×8: a separable convolution with two
/// batch norms and a pool on each of two edges.
TEST(SearchMemory, OfASmallSupernet) {
  const MemoryNeed need = need_with(
      {"space.primitives=[max_pool_3x3, sep_conv_3x3]", "space.nodes=1", "space.cells=1",
       "space.channels=4", "space.stem_multiplier=1", "search.epochs=1", "search.order=first"},
      {2, 16, 16});
  const double stem = 2 * 4 * 256;
  const double preprocessed = 4 * 8 * 256;
  const double edges = 2 * 2 * 8 * 64;
  const double output = 8 * 64;
  EXPECT_EQ(need.activations, 2 * 4 * (stem + preprocessed + edges + output));
  const double weights = (3 * 4 * 9 + 2 * 4) + 2 * 4 * 8 + 2 * 2 * (8 * 9 + 8 * 8) + (8 + 1) * 10;
  EXPECT_EQ(need.weights, 3 * 4 * weights);
}

TEST(SearchMemory, CountsTheWeightsOfTheSupernet) {
  for (const std::vector<std::string>& settings : std::vector<std::vector<std::string>>{
           {},
           {"space.stem=imagenet"},
           {"search.method=pc-darts"},
           {"search.method=darts-"},
           {"search.method=p-darts", "search.epochs=3"},
           {"space.name=s1"},
           {"space.primitives=[noise, conv_7x1_1x7, skip_connect]"}}) {
    std::vector<std::string> small{"space.cells=4", "space.channels=8", "search.order=first"};
    small.insert(small.end(), settings.begin(), settings.end());
    const Supernet supernet(options_of(testing::config_of<SearchConfig>(small)));
    EXPECT_DOUBLE_EQ(need_with(small).weights,
                     3 * 4 * static_cast<double>(count_elements(supernet->weights())))
        << ::testing::PrintToString(settings);
  }
}

TEST(SearchMemory, GrowsWithTheBatchAndItsImages) {
  const double one = need_with({}).activations;
  EXPECT_DOUBLE_EQ(need_with({}, {128, 32, 32}).activations, 2 * one);
  EXPECT_DOUBLE_EQ(need_with({}, {64, 64, 64}).activations, 4 * one);
  EXPECT_DOUBLE_EQ(need_with({"space.channels=32"}).activations, 2 * one);
  EXPECT_DOUBLE_EQ(need_with({"runtime.precision=bf16"}).activations, one / 2);
}

TEST(SearchMemory, IsLessForWhatRunsLess) {
  const MemoryNeed all = need_with({});
  EXPECT_LT(need_with({"search.method=pc-darts"}).activations, all.activations / 2);
  EXPECT_LT(need_with({"search.method=gdas"}).activations, all.activations / 2);
  const MemoryNeed random = need_with({"search.method=random"});
  EXPECT_EQ(random.activations, 0.0);
  EXPECT_DOUBLE_EQ(random.weights, all.weights / 4);
}

TEST(SearchMemory, IsLessWhereCellsAreComputedAgain) {
  const double all = need_with({}).activations;
  const MemoryNeed again = need_with({"runtime.recompute=true"});
  EXPECT_LT(again.activations, all / 2);
  EXPECT_EQ(again.lower.find("runtime.recompute"), std::string::npos);
  EXPECT_NE(need_with({}).lower.find("runtime.recompute"), std::string::npos);
  EXPECT_EQ(
      need_with({"runtime.recompute=true"}, paper_batch, c10::Device(c10::kCUDA, 0)).activations,
      all);
}

/// Each in its range, all of them together beyond any machine.
TEST(SearchMemory, OfAbsurdSizesIsThereAtOnce) {
  const MemoryNeed large =
      need_with({"space.cells=1000", "space.nodes=32", "space.channels=4096"}, {65536, 32, 32});
  EXPECT_GT(large.activations, 1e18);
  EXPECT_GT(large.weights, 1e15);
  const std::string error = testing::error_of([&] { check_memory(large, cpu); });
  EXPECT_EQ(error.find("the search needs at least "), 0U) << error;
}

/// Little to compute, but millions of objects.
TEST(SearchMemory, CountsTheObjectsOfManyEdges) {
  const MemoryNeed many =
      need_with({"space.cells=1000", "space.nodes=32", "space.channels=1"}, {2, 8, 8});
  EXPECT_GT(many.modules, 5e9);
}

}  // namespace
}  // namespace darts
