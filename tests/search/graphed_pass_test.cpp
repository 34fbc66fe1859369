#include "search/small_search.hpp"
#include "support/test_devices.hpp"

#include <darts/search/supernet_pass.hpp>

#include <gtest/gtest.h>

namespace darts {
namespace {

using testing::copy_of_state;
using testing::Golden;
using testing::relative_error;

/// Two supernets of the same state, one run pass by pass and one by graphs.
struct Pair {
  explicit Pair(const c10::Device& device) {
    for (Supernet* supernet : {&plain, &graphed}) {
      (*supernet)->to(device);
    }
  }
  Supernet plain = testing::small_supernet();
  Supernet graphed = testing::small_supernet();
};

Batch batch_on(const c10::Device& device, std::uint64_t seed) {
  const Batch batch = testing::small_batch(seed);
  return {batch.images.to(device), batch.labels.to(device)};
}

void expect_same_passes(const c10::Device& device, double tolerance) {
  Pair pair(device);
  const auto plain = make_pass(pair.plain);
  const auto graphed = make_graphed_pass(pair.graphed);
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    for (const auto by : {Differentiate::alphas, Differentiate::weights, Differentiate::both}) {
      const Batch batch = batch_on(device, seed);
      const PassResult expected = plain->run(batch, by);
      const PassResult actual = graphed->run(batch, by);
      EXPECT_LE(relative_error(actual.loss, expected.loss), tolerance);
      EXPECT_LE(relative_error(actual.logits, expected.logits), tolerance);
      ASSERT_EQ(actual.alphas.size(), by == Differentiate::weights ? 0 : 2);
      ASSERT_EQ(actual.weights.size(),
                by == Differentiate::alphas ? 0 : pair.plain->weights().size());
      for (std::size_t i = 0; i < actual.alphas.size(); ++i) {
        EXPECT_LE(relative_error(actual.alphas[i], expected.alphas[i]), tolerance);
      }
      for (std::size_t i = 0; i < actual.weights.size(); ++i) {
        EXPECT_LE(relative_error(actual.weights[i], expected.weights[i]), tolerance);
      }
    }
  }
  const Golden state = copy_of_state(*pair.plain);
  for (const auto& [name, tensor] : copy_of_state(*pair.graphed)) {
    EXPECT_LE((tensor - state.at(name)).abs().max().item<double>(), tolerance) << name;
  }
}

TEST(GraphedPass, IsThePlainOneOnTheCpu) { expect_same_passes(c10::kCPU, 0.0); }

void expect_smaller_batch_in_between(const c10::Device& device) {
  Pair pair(device);
  const auto plain = make_pass(pair.plain);
  const auto graphed = make_graphed_pass(pair.graphed);
  for (const std::int64_t images : {4, 3, 4}) {
    Batch batch = batch_on(device, 5);
    batch = {batch.images.narrow(0, 0, images), batch.labels.narrow(0, 0, images)};
    const PassResult expected = plain->run(batch, Differentiate::alphas);
    const PassResult actual = graphed->run(batch, Differentiate::alphas);
    EXPECT_LE(relative_error(actual.loss, expected.loss), 1e-9) << images;
    EXPECT_LE(relative_error(actual.alphas[0], expected.alphas[0]), 1e-9) << images;
  }
}

TEST(GraphedPass, TakesASmallerBatchInBetween) { expect_smaller_batch_in_between(c10::kCPU); }

using GraphedPassCuda = testing::CudaTest;

TEST_F(GraphedPassCuda, ComputesWhatThePlainOneDoes) { expect_same_passes(testing::gpu(), 1e-9); }

TEST_F(GraphedPassCuda, TakesASmallerBatchInBetween) {
  expect_smaller_batch_in_between(testing::gpu());
}

}  // namespace
}  // namespace darts
