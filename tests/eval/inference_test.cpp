#include "support/module_helpers.hpp"
#include "support/test_paths.hpp"

#include <darts/core/error.hpp>
#include <darts/eval/inference.hpp>

#include <ATen/ops/randint.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>

namespace darts {
namespace {

using ::testing::HasSubstr;

EvaluationNetwork make_network() {
  EvaluationNetworkOptions options;
  options.genotype = load_genotype(testing::configs_folder() / "genotypes/DARTS_V2.json");
  options.cells = 3;
  options.channels = 2;
  options.classes = 3;
  return EvaluationNetwork(options);
}

BatchLoader make_loader(std::int64_t images, std::int64_t batch_size) {
  auto set = std::make_shared<ImageSet>();
  set->images = at::randint(256, {images, 32, 32, 3}, at::kByte);
  set->labels = testing::random_labels(images, 3, 1);
  set->class_names = {"cat", "dog", "fish"};
  set->mean.assign(3, 0.4);
  set->stddev.assign(3, 0.2);
  LoaderOptions options;
  options.batch_size = batch_size;
  options.workers = 0;
  options.shuffle = false;
  std::vector<std::int64_t> indices(static_cast<std::size_t>(images));
  std::iota(indices.begin(), indices.end(), 0);
  return {std::shared_ptr<const ImageSet>(set), indices, options};
}

/// Mean and unbiased variance of every channel of the stem's convolution, averaged over batches.
std::pair<at::Tensor, at::Tensor> stem_statistics(EvaluationNetwork& network, BatchLoader& loader,
                                                  std::int64_t batches) {
  at::Tensor mean;
  at::Tensor variance;
  const at::Tensor weight = network->named_parameters()["stem.0.weight"].detach();
  loader.start(0);
  for (std::int64_t i = 0; i < batches; ++i) {
    const at::Tensor y = at::conv2d(loader.next()->images, weight, {}, 1, 1).transpose(0, 1);
    const at::Tensor m = y.flatten(1).mean(1) / batches;
    const at::Tensor v = y.flatten(1).var(1) / batches;
    mean = mean.defined() ? mean + m : m;
    variance = variance.defined() ? variance + v : v;
  }
  return {mean, variance};
}

TEST(Recalibrate, StatisticsBecomeTheirMeanOverTheBatches) {
  EvaluationNetwork network = make_network();
  BatchLoader loader = make_loader(20, 6);
  EXPECT_EQ(recalibrate(network, loader, 3, at::kCPU), 3);
  EXPECT_FALSE(network->is_training());
  const auto [mean, variance] = stem_statistics(network, loader, 3);
  const auto buffers = network->named_buffers();
  EXPECT_TRUE(buffers["stem.1.running_mean"].allclose(mean, 1e-4, 1e-5));
  EXPECT_TRUE(buffers["stem.1.running_var"].allclose(variance, 1e-4, 1e-5));
  EXPECT_EQ(recalibrate(network, loader, 100, at::kCPU), 4);  // all there are
  BatchLoader seven = make_loader(7, 6);                      // and one image alone
  EXPECT_EQ(recalibrate(network, seven, 100, at::kCPU), 1);
  BatchLoader one = make_loader(1, 6);
  const auto before = testing::copy_of_state(*network);
  EXPECT_THROW(recalibrate(network, one, 100, at::kCPU), Error);
  for (const auto& [name, tensor] : testing::copy_of_state(*network)) {
    EXPECT_TRUE(tensor.equal(before.at(name))) << name;  // as it was
  }
  EXPECT_FALSE(network->is_training());
}

TEST(Recalibrate, TheMomentumStaysAsItWas) {
  EvaluationNetwork network = make_network();
  BatchLoader loader = make_loader(12, 6);
  recalibrate(network, loader, 2, at::kCPU);
  // With momentum 0.1 one more batch moves the mean by a tenth of the way to its own.
  const at::Tensor before = network->named_buffers()["stem.1.running_mean"].clone();
  const at::Tensor own = stem_statistics(network, loader, 1).first;
  network->train();
  loader.start(0);
  network->forward(loader.next()->images);
  const at::Tensor after = network->named_buffers()["stem.1.running_mean"];
  EXPECT_TRUE(after.allclose(before + 0.1 * (own - before), 1e-4, 1e-5));
}

TEST(TestNetwork, StopsWhenAsked) {
  EvaluationNetwork network = make_network();
  BatchLoader loader = make_loader(8, 4);
  TestOptions options;
  EXPECT_EQ(test_network(network, loader, options)->scores.images(), 8);
  options.should_stop = [] { return true; };
  EXPECT_FALSE(test_network(network, loader, options).has_value());
}

TEST(TestNetwork, DescriptionHasEveryFigureAndClass) {
  EvaluationNetwork network = make_network();
  BatchLoader loader = make_loader(8, 4);
  const TestOutcome outcome = test_network(network, loader, {}).value();
  const std::string text = describe(outcome, {"cat", "dog", "fish"});
  for (const char* word : {"loss", "top-1", "top-5", "images/s", "cat", "dog", "fish"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

}  // namespace
}  // namespace darts
