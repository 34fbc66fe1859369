#include "support/module_helpers.hpp"

#include <darts/ops/factorized_reduce.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <gtest/gtest.h>

#include <string>

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

/// Both sides of the width from which LibTorch's own strided convolution can be used.
TEST(FactorizedReduce, IsTwoStridedConvolutionsAtAnyWidth) {
  for (const std::int64_t channels : {2, 15, 16, 20}) {
    FactorizedReduce reduce(FactorizedReduceOptions{channels, 6, false});
    testing::make_double(*reduce);
    reduce->eval();  // the running statistics of a new batch norm change nothing but by its epsilon
    const auto weights = reduce->named_parameters();
    const at::Tensor x = testing::random_normal({2, channels, 8, 6}, 3);
    const auto strided = [&](const at::Tensor& image, const char* name) {
      return at::conv2d(at::relu(image), weights[name], {}, 2);
    };
    const at::Tensor expected = at::cat(
        {strided(x, "conv_1.weight"), strided(x.slice(2, 1).slice(3, 1), "conv_2.weight")}, 1);
    EXPECT_LT((reduce->forward(x) - expected).abs().max().item<double>(), 1e-4) << channels;
  }
}

/// LibTorch's gradient of the weights corrupts the heap for these shapes.
TEST(FactorizedReduce, HasSoundGradientsOfLargeImagesWithFewChannels) {
  for (const std::int64_t channels : {3, 8, 15}) {
    for (const std::int64_t size : {46, 64, 112}) {
      const std::string shape = std::to_string(channels) + ", " + std::to_string(size);
      FactorizedReduce reduce(FactorizedReduceOptions{channels, 8, false});
      FactorizedReduce exact(FactorizedReduceOptions{channels, 8, false});
      testing::make_double(*exact);
      testing::load_state(*exact, testing::state_of(*reduce));
      const at::Tensor x = testing::random_normal({4, channels, size, size}, 3)
                               .contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor weighting = testing::random_normal({4, 8, size / 2, size / 2}, 4);
      for (int pass = 0; pass < 3; ++pass) {
        (reduce->forward(x.to(at::kFloat)) * weighting.to(at::kFloat)).sum().backward();
        (exact->forward(x) * weighting).sum().backward();
      }
      for (const auto& item : exact->named_parameters()) {
        EXPECT_LT(testing::relative_error(reduce->named_parameters()[item.key()].grad(),
                                          item.value().grad()),
                  1e-4)
            << item.key() << ": " << shape;
      }
    }
  }
}

}  // namespace
}  // namespace darts
