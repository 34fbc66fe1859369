#include "support/module_helpers.hpp"

#include <darts/ops/factorized_reduce.hpp>

#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <gtest/gtest.h>

namespace darts {
namespace {

TEST(FactorizedReduce, SeesEveryPixelOfOddAndEvenImages) {
  FactorizedReduce reduce(FactorizedReduceOptions{1, 2, false});
  testing::make_double(*reduce);
  reduce->eval();  // batch statistics would mix pixels
  for (const std::int64_t size : {2, 3, 6, 7}) {
    const at::Tensor x =
        testing::random_normal({1, 1, size, size}, 3).abs().add_(0.1).requires_grad_();
    reduce->forward(x).pow(2).sum().backward();
    for (std::int64_t row = 0; row < size; ++row) {
      for (std::int64_t column = 0; column < size; ++column) {
        // Pixels of even row and column go to the first convolution, of odd ones to the second.
        const bool seen = row % 2 == column % 2;
        EXPECT_EQ(x.grad()[0][0][row][column].item<double>() != 0.0, seen)
            << size << ": " << row << ", " << column;
      }
    }
  }
}

TEST(FactorizedReduce, OddImagesAreTheEvenOnesWithZerosAdded) {
  FactorizedReduce reduce(FactorizedReduceOptions{3, 4, true});
  testing::make_double(*reduce);
  const at::Tensor x = testing::random_normal({2, 3, 5, 7}, 3);
  at::Tensor padded = at::zeros({2, 3, 6, 8}, at::kDouble);
  padded.slice(2, 0, 5).slice(3, 0, 7).copy_(x);
  EXPECT_TRUE(reduce->forward(x).equal(reduce->forward(padded)));
}

TEST(FactorizedReduce, OddNumbersOfChannelsAreSplitUnevenly) {
  FactorizedReduce reduce(FactorizedReduceOptions{3, 5, false});
  EXPECT_EQ(reduce->forward(at::zeros({1, 3, 4, 4})).size(1), 5);
  EXPECT_THROW(FactorizedReduce(FactorizedReduceOptions{3, 1, false}), c10::Error);
}

}  // namespace
}  // namespace darts
