#include "support/module_helpers.hpp"

#include <darts/ops/drop_path.hpp>

#include <ATen/ops/ones.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

RandomStream stream(std::uint64_t step) { return {7, RandomPurpose::drop_path, 3, step}; }

TEST(DropPath, MeanIsKeptAndVarianceIsThatOfItsClosedForm) {
  constexpr double p = 0.2;
  constexpr std::int64_t edges = 200;
  constexpr std::int64_t samples = 500;
  DropPath drop_path({p, edges, samples}, stream(0), at::kDouble);
  const at::Tensor x = at::ones({samples, 1, 1, 1}, at::kDouble);
  double sum = 0.0;
  double squares = 0.0;
  for (std::int64_t edge = 0; edge < edges; ++edge) {
    const at::Tensor y = drop_path.apply(x);
    sum += y.sum().item<double>();
    squares += y.square().sum().item<double>();
  }
  const double n = static_cast<double>(edges * samples);
  const double mean = sum / n;
  const double variance = squares / n - mean * mean;
  const double expected = p / (1.0 - p);  // of a Bernoulli(1 − p) over 1 − p
  EXPECT_NEAR(mean, 1.0, 5.0 * std::sqrt(expected / n));
  EXPECT_NEAR(variance, expected, 0.02 * expected);
}

TEST(DropPath, DropsWholeSamplesAndScalesTheRest) {
  DropPath drop_path({0.5, 1, 64}, stream(0), at::kFloat);
  const at::Tensor x = testing::random_normal({64, 3, 2, 2}, 1).to(at::kFloat);
  const at::Tensor y = drop_path.apply(x);
  int dropped = 0;
  for (std::int64_t i = 0; i < 64; ++i) {
    const bool zero = y[i].count_nonzero().item<std::int64_t>() == 0;
    EXPECT_TRUE(zero || y[i].equal(x[i] * 2.0)) << i;
    dropped += zero ? 1 : 0;
  }
  EXPECT_GT(dropped, 10);
  EXPECT_LT(dropped, 54);
}

TEST(DropPath, IsAFunctionOfTheStreamAndDiffersBetweenEdges) {
  const at::Tensor x = at::ones({256, 1}, at::kDouble);
  DropPath one({0.3, 2, 256}, stream(5), at::kDouble);
  DropPath same({0.3, 2, 256}, stream(5), at::kDouble);
  DropPath other({0.3, 2, 256}, stream(6), at::kDouble);
  const at::Tensor first = one.apply(x);
  EXPECT_TRUE(first.equal(same.apply(x)));
  EXPECT_FALSE(first.equal(one.apply(x)));
  EXPECT_FALSE(first.equal(other.apply(x)));
}

TEST(DropPath, GradientIsItsScale) {
  DropPath drop_path({0.4, 1, 32}, stream(1), at::kDouble);
  const at::Tensor x = testing::random_normal({32, 2}, 2).requires_grad_();
  const at::Tensor y = drop_path.apply(x);
  y.sum().backward();
  EXPECT_TRUE((x.grad() * x).allclose(y, 1e-12));
}

TEST(DropPath, KeepsTypeAndMemoryFormat) {
  DropPath drop_path({0.5, 2, 4}, stream(1), at::kFloat);
  const at::Tensor x = testing::random_normal({4, 3, 2, 2}, 2)
                           .to(at::kBFloat16)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor y = drop_path.apply(x);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(DropPath, ProbabilityZeroAndTheDefaultPassThrough) {
  const at::Tensor x = testing::random_normal({4, 2}, 3);
  DropPath none;
  EXPECT_TRUE(none.apply(x).is_same(x));
  DropPath zero({0.0, 1, 4}, stream(0), at::kDouble);
  EXPECT_TRUE(zero.apply(x).is_same(x));
}

TEST(DropPath, RefusesWhatItWasNotMadeFor) {
  EXPECT_THROW(DropPath({1.0, 1, 4}, stream(0), at::kDouble), c10::Error);
  DropPath drop_path({0.5, 1, 4}, stream(0), at::kDouble);
  EXPECT_THROW(drop_path.apply(at::ones({5, 1}, at::kDouble)), c10::Error);
  drop_path.apply(at::ones({4, 1}, at::kDouble));
  EXPECT_THROW(drop_path.apply(at::ones({4, 1}, at::kDouble)), c10::Error);
}

}  // namespace
}  // namespace darts
