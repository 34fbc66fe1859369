#include <darts/search/theta.hpp>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <cmath>

namespace darts {
namespace {

double entropy_of(const at::Tensor& alpha) {
  const at::Tensor values = alpha.to(at::kDouble);
  return mean_entropy(Theta({values, values}).softmax(CellType::normal));
}

TEST(MeanEntropy, IsTheLogarithmOfTheChoicesWhenUndecided) {
  EXPECT_NEAR(entropy_of(at::zeros({14, 8})), std::log(8.0), 1e-12);
  EXPECT_NEAR(entropy_of(at::zeros({2, 3}).add(5.0)), std::log(3.0), 1e-12);
  EXPECT_NEAR(entropy_of(at::zeros({2, 1})), 0.0, 1e-12);
}

TEST(MeanEntropy, IsZeroWhenDecidedAndStaysFinite) {
  at::Tensor alpha = at::zeros({3, 4});
  alpha.select(1, 2).fill_(1e6);
  EXPECT_EQ(entropy_of(alpha), 0.0);
}

TEST(MeanEntropy, IsTheMeanOverEdges) {
  // Row 0: probabilities 1/4 and 3/4; row 1: 1/2 each.
  const at::Tensor alpha = at::tensor({0.0, std::log(3.0), 2.0, 2.0}, at::kDouble).reshape({2, 2});
  const double first = -(0.25 * std::log(0.25) + 0.75 * std::log(0.75));
  EXPECT_NEAR(entropy_of(alpha), (first + std::log(2.0)) / 2.0, 1e-12);
  EXPECT_NEAR(entropy_of(alpha.clone().requires_grad_()), entropy_of(alpha), 0.0);
}

TEST(MeanEntropy, CountsWhatAnEdgeOffersAlone) {
  const at::Tensor missing = at::tensor({0, 0, 0, 0, 1, 1}).to(at::kBool).reshape({2, 3});
  const at::Tensor alpha = at::zeros({2, 3}, at::kDouble);
  const Theta theta({alpha, alpha}, {missing, {}});
  EXPECT_NEAR(mean_entropy(theta.softmax(CellType::normal)), std::log(3.0) / 2.0, 1e-12);
  EXPECT_NEAR(mean_entropy(theta.softmax(CellType::reduction)), std::log(3.0), 1e-12);
}

}  // namespace
}  // namespace darts
