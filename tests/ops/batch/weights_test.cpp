#include "batch/weights.hpp"

#include "norm_block/geometry.hpp"
#include "support/golden.hpp"
#include "support/module_helpers.hpp"

#include <gtest/gtest.h>

namespace darts::batch {
namespace {

using testing::random_normal;

template <class T>
class PackedWeightsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PackedWeightsTest, Types);

template <class T>
at::Tensor weight(std::int64_t out, std::int64_t in, std::int64_t kernel) {
  return random_normal({out, in, kernel, kernel}, static_cast<std::uint64_t>(out + kernel))
      .to(c10::CppTypeToScalarType<T>::value);
}

template <class T>
NormUnit separable(std::int64_t channels, std::int64_t out, std::int64_t kernel) {
  NormUnit unit;
  unit.depthwise = weight<T>(channels, 1, kernel);
  unit.pointwise = {weight<T>(out, channels, 1)};
  return unit;
}

template <class T>
NormUnit factorized(std::int64_t channels) {
  NormUnit unit;
  unit.pointwise = {weight<T>(channels / 2, channels, 1),
                    weight<T>(channels - channels / 2, channels, 1)};
  unit.stride = 2;
  return unit;
}

/// As many channels as make whole vectors.
template <class T>
std::int64_t whole(std::int64_t channels) {
  const std::int64_t multiple = kernels::channel_multiple<T>();
  return (channels + multiple - 1) / multiple * multiple;
}

template <class T>
void expect_back(const NormUnit& unit, const PackedWeights<T>& packing) {
  const std::vector<T> packed = packing.pack();
  EXPECT_EQ(std::ssize(packed), packing.size());
  std::vector<at::Tensor> weights = unit.pointwise;
  if (unit.depthwise.defined()) {
    weights.insert(weights.begin(), unit.depthwise);
  }
  const std::vector<at::Tensor> back = packing.gradients(packed.data());
  ASSERT_EQ(back.size(), weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(back[i].equal(weights[i])) << i;
  }
}

TYPED_TEST(PackedWeightsTest, ComeBackAsTheyWere) {
  using T = TypeParam;
  for (const std::int64_t channels : {1, 3, 16, 17, 40}) {
    for (const NormUnit& unit :
         {separable<T>(channels, channels, 3), separable<T>(channels, channels, 5),
          factorized<T>(channels + 1)}) {
      expect_back(unit, PackedWeights<T>(unit));
      expect_back(unit, PackedWeights<T>(unit, whole<T>(channels + 1)));
    }
    const NormUnit wider = separable<T>(channels, channels + 5, 7);
    expect_back(wider, PackedWeights<T>(wider));
  }
}

/// A factorized reduce as one product: a pixel's inputs to the first convolution come first and
/// lead to its outputs alone, those of the second come `channels` later.
TYPED_TEST(PackedWeightsTest, OfOneProductAreZeroWhereAConvolutionReadsNothing) {
  using T = TypeParam;
  const std::int64_t channels = whole<T>(1);
  NormUnit unit = factorized<T>(channels);
  for (at::Tensor& pointwise : unit.pointwise) {
    pointwise.fill_(1);
  }
  const std::vector<T> packed = PackedWeights<T>(unit, channels).pack();
  ASSERT_EQ(std::ssize(packed), 2 * channels * channels);  // one panel, a vector wide
  for (std::int64_t row = 0; row < 2 * channels; ++row) {
    for (std::int64_t column = 0; column < channels; ++column) {
      const bool first_reads = row < channels;
      const bool first_makes = column < channels / 2;
      EXPECT_EQ(packed[static_cast<std::size_t>(row * channels + column)],
                first_reads == first_makes ? T(1) : T(0))
          << row << ", " << column;
    }
  }
}

TYPED_TEST(PackedWeightsTest, AreScaledByOutputChannels) {
  using T = TypeParam;
  NormUnit unit = factorized<T>(6);
  const std::vector<double> scale{1, 2, 4, 8, 16, 32};
  const std::vector<T> scaled = PackedWeights<T>(unit).pack(scale);
  std::int64_t channel = 0;
  for (at::Tensor& pointwise : unit.pointwise) {
    for (std::int64_t o = 0; o < pointwise.size(0); ++o) {
      pointwise[o] *= scale[static_cast<std::size_t>(channel++)];
    }
  }
  EXPECT_EQ(scaled, PackedWeights<T>(unit).pack());
}

TEST(UnitKernels, AreForSquareKernelsOfThreeFiveAndSevenAndStridesUpToTwo) {
  NormUnit unit = separable<float>(4, 4, 3);
  unit.norm = torch::nn::BatchNorm2d(4).ptr();
  EXPECT_TRUE(norm_block::has_kernels(unit));
  unit.stride = 3;
  EXPECT_FALSE(norm_block::has_kernels(unit));
  unit.stride = 2;
  for (const std::int64_t kernel : {1, 2, 3, 4, 5, 7, 9}) {
    unit.depthwise = weight<float>(4, 1, kernel);
    EXPECT_EQ(norm_block::has_kernels(unit), kernel == 3 || kernel == 5 || kernel == 7) << kernel;
  }
  unit.depthwise = random_normal({4, 1, 3, 5}, 1);
  EXPECT_FALSE(norm_block::has_kernels(unit));
  unit.depthwise = at::Tensor();
  EXPECT_TRUE(norm_block::has_kernels(unit));
  const auto untracked =
      torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).track_running_stats(false));
  unit.norm = untracked.ptr();
  EXPECT_FALSE(norm_block::has_kernels(unit));
}

}  // namespace
}  // namespace darts::batch
