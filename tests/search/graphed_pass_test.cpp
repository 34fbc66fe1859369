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

/// On a GPU, graphs; on the CPU, all of it but the capture.
void expect_same_passes(const c10::Device& device, double tolerance) {
  Pair pair(device);
  const auto plain_weights = flatten_weights(pair.plain);
  const auto graphed_weights = flatten_weights(pair.graphed);
  const auto plain = make_pass(pair.plain, plain_weights);
  const auto graphed = make_graphed_pass(pair.graphed, graphed_weights);
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    for (const auto by : {Differentiate::mixing, Differentiate::weights, Differentiate::both}) {
      const Batch batch = batch_on(device, seed);
      const PassResult expected = plain->run(batch, testing::mixings_of(*pair.plain), by);
      const PassResult actual = graphed->run(batch, testing::mixings_of(*pair.graphed), by);
      EXPECT_LE(relative_error(actual.loss, expected.loss), tolerance);
      EXPECT_LE(relative_error(actual.logits, expected.logits), tolerance);
      ASSERT_EQ(actual.mixing.size(), by == Differentiate::weights ? 0 : 2);
      for (std::size_t i = 0; i < actual.mixing.size(); ++i) {
        EXPECT_LE(relative_error(actual.mixing[i], expected.mixing[i]), tolerance);
      }
      EXPECT_LE(relative_error(graphed_weights->gradient(), plain_weights->gradient()), tolerance);
    }
  }
  const Golden state = copy_of_state(*pair.plain);
  for (const auto& [name, tensor] : copy_of_state(*pair.graphed)) {
    EXPECT_LE((tensor - state.at(name)).abs().max().item<double>(), tolerance) << name;
  }
}

TEST(GraphedPass, IsThePlainOneOnTheCpu) { expect_same_passes(c10::kCPU, 0.0); }

void expect_any_sizes(const c10::Device& device) {
  Pair pair(device);
  const auto plain = make_pass(pair.plain);
  const auto graphed = make_graphed_pass(pair.graphed);
  for (const std::int64_t height : {8, 7, 8, 6, 5, 4, 8, 4}) {  // more sizes than it has graphs for
    Batch batch = batch_on(device, 5);
    batch.images = batch.images.narrow(2, 0, height);
    const PassResult expected =
        plain->run(batch, testing::mixings_of(*pair.plain), Differentiate::mixing);
    const PassResult actual =
        graphed->run(batch, testing::mixings_of(*pair.graphed), Differentiate::mixing);
    EXPECT_LE(relative_error(actual.loss, expected.loss), 1e-9) << height;
    EXPECT_LE(relative_error(actual.mixing[0], expected.mixing[0]), 1e-9) << height;
  }
}

/// A whole step of each kind, so that every pass is handed tensors that others write anew.
void expect_same_steps(const c10::Device& device) {
  for (const SearchOrderRow& row : search_orders()) {
    SCOPED_TRACE(row.name);
    Pair pair(device);
    SearchStepOptions options;
    options.order = row.order;
    SearchStep plain(pair.plain, options);
    options.cuda_graph = true;
    SearchStep graphed(pair.graphed, options);
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
      Batch train = batch_on(device, 2 * seed);
      const Batch valid = batch_on(device, 2 * seed + 1);
      if (seed == 3) {  // an epoch's last batch
        train = {train.images.narrow(0, 0, 3), train.labels.narrow(0, 0, 3)};
      }
      const StepResult expected = plain.run(train, valid, 0.1);
      const StepResult actual = graphed.run(train, valid, 0.1);
      EXPECT_NEAR(actual.loss, expected.loss, 1e-9);
      EXPECT_NEAR(actual.gradient_norm, expected.gradient_norm, 1e-9);
      EXPECT_EQ(actual.correct, expected.correct);
    }
    const Golden state = copy_of_state(*pair.plain);
    for (const auto& [name, tensor] : copy_of_state(*pair.graphed)) {
      EXPECT_LE((tensor - state.at(name)).abs().max().item<double>(), 1e-9) << name;
    }
  }
}

TEST(GraphedPass, BatchesOfAnySizesTakeTurns) { expect_any_sizes(c10::kCPU); }

TEST(GraphedPass, StepsOfAllMethodsAreThePlainOnes) { expect_same_steps(c10::kCPU); }

using GraphedPassCuda = testing::CudaTest;

TEST_F(GraphedPassCuda, ComputesWhatThePlainOneDoes) { expect_same_passes(testing::gpu(), 1e-9); }

TEST_F(GraphedPassCuda, BatchesOfAnySizesTakeTurns) { expect_any_sizes(testing::gpu()); }

TEST_F(GraphedPassCuda, StepsOfAllMethodsAreThePlainOnes) { expect_same_steps(testing::gpu()); }

}  // namespace
}  // namespace darts
