#include "support/golden.hpp"
#include "support/module_helpers.hpp"
#include "support/rounding.hpp"
#include "support/threads.hpp"

#include <darts/ops/linear.hpp>

#include <torch/csrc/autograd/autograd.h>

#include <gtest/gtest.h>

#include <limits>

namespace darts {
namespace {

using testing::random_normal;

struct Sizes {
  std::int64_t samples;
  std::int64_t in;
  std::int64_t out;
};

/// y, and the gradients of x, weight and bias.
std::vector<at::Tensor> run(const Sizes& sizes, at::ScalarType type, Execution execution,
                            bool with_bias = true) {
  const auto leaf = [&](at::IntArrayRef shape, std::uint64_t seed) {
    return random_normal(shape, seed).to(type).requires_grad_();
  };
  const at::Tensor x = leaf({sizes.samples, sizes.in}, 1);
  const at::Tensor weight = leaf({sizes.out, sizes.in}, 2);
  const at::Tensor bias = with_bias ? leaf({sizes.out}, 3) : at::Tensor();
  at::Tensor y = run_linear(x, weight, bias, execution);
  std::vector<at::Tensor> inputs{x, weight};
  if (with_bias) {
    inputs.push_back(bias);
  }
  std::vector<at::Tensor> all =
      torch::autograd::grad({y}, inputs, {random_normal(y.sizes(), 4).to(type)});
  all.insert(all.begin(), y.detach());
  return all;
}

TEST(Linear, EqualsLibTorchsUpToRoundingForAllSizes) {
  for (const Sizes& sizes : {Sizes{1, 1, 1},
                             {5, 3, 10},
                             {16, 20, 17},
                             {17, 33, 4},
                             {130, 64, 10},
                             {512, 7, 5},
                             {513, 40, 10},
                             {1100, 300, 20},
                             {4096, 16, 10}}) {
    for (const bool with_bias : {true, false}) {
      const auto expected = run(sizes, at::kDouble, Execution::plain, with_bias);
      const auto found = run(sizes, at::kDouble, Execution::fused, with_bias);
      ASSERT_EQ(found.size(), expected.size());
      const auto terms = std::max({sizes.samples, sizes.in, sizes.out}) + 1;
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].sizes(), expected[i].sizes());
        const double bound =
            4.0 * static_cast<double>(terms) * std::numeric_limits<double>::epsilon();
        EXPECT_LE((found[i] - expected[i]).abs().max().item<double>(),
                  bound * expected[i].abs().max().item<double>())
            << sizes.samples << " samples, tensor " << i;
      }
    }
  }
}

TEST(Linear, DoesNotDependOnTheNumberOfThreads) {
  for (const Sizes& sizes : {Sizes{100, 70, 33}, {1500, 9, 4}}) {
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      testing::expect_independent_of_threads(
          [&] { return testing::by_place(run(sizes, type, Execution::fused)); });
    }
  }
}

TEST(Linear, GradientsThatAreNotAskedForAreNotMade) {
  const at::Tensor x = random_normal({6, 5}, 1);
  const at::Tensor weight = random_normal({4, 5}, 2).requires_grad_();
  const at::Tensor y = run_linear(x, weight, {}, Execution::fused);
  y.sum().backward();
  EXPECT_TRUE(weight.grad().allclose(x.sum(0).expand({4, 5})));
  EXPECT_FALSE(x.grad().defined());
}

TEST(Linear, NotANumberStaysOneInItsRow) {
  at::Tensor x = random_normal({20, 5}, 1);
  x[17][2] = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor y = run_linear(x, random_normal({4, 5}, 2), {}, Execution::fused);
  EXPECT_TRUE(y[17].isnan().all().item<bool>());
  EXPECT_EQ(y.isnan().sum().item<std::int64_t>(), 4);
}

TEST(Classifier, AveragesEveryChannelBeforeIt) {
  torch::nn::Linear linear(3, 2);
  testing::make_double(*linear);
  const at::Tensor features = random_normal({4, 3, 5, 6}, 1);
  const at::Tensor expected = linear->forward(features.mean(at::IntArrayRef{2, 3}));
  EXPECT_TRUE(classify(linear, features, Execution::fused).allclose(expected));
  EXPECT_TRUE(classify(linear, features, Execution::plain).allclose(expected));
}

}  // namespace
}  // namespace darts
