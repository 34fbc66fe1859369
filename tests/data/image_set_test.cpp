#include "fixtures.hpp"

#include <darts/data/image_set.hpp>
#include <darts/data/image_set_source.hpp>

#include <ATen/ops/full.h>

#include <cmath>

namespace darts {
namespace {

TEST(PixelAccumulator, MeasuresMeanAndStandardDeviationOfEveryChannel) {
  at::Tensor images = at::empty({1, 1, 4, 2}, at::kByte);
  const std::uint8_t pixels[] = {0, 10, 255, 20, 0, 30, 255, 40};
  std::copy(std::begin(pixels), std::end(pixels), images.mutable_data_ptr<std::uint8_t>());
  PixelAccumulator all(2);
  all.add(images);
  const PixelStatistics statistics = all.statistics();
  EXPECT_NEAR(statistics.mean[0], 0.5, 1e-15);
  EXPECT_NEAR(statistics.stddev[0], 0.5, 1e-15);
  EXPECT_NEAR(statistics.mean[1], 25.0 / 255.0, 1e-15);
  EXPECT_NEAR(statistics.stddev[1], std::sqrt(125.0) / 255.0, 1e-15);
}

TEST(PixelAccumulator, DoesNotDependOnHowImagesAreSharedOut) {
  const at::Tensor images = test::made_up_images(6, 5, 4, 3)->images;
  PixelAccumulator whole(3);
  whole.add(images);
  PixelAccumulator first(3);
  PixelAccumulator second(3);
  first.add(images.narrow(0, 4, 2));
  second.add(images.narrow(0, 0, 4));
  first.add(second);
  EXPECT_EQ(first.statistics().mean, whole.statistics().mean);
  EXPECT_EQ(first.statistics().stddev, whole.statistics().stddev);
}

TEST(PixelAccumulator, GivesAConstantChannelAStandardDeviationOfOne) {
  PixelAccumulator all(1);
  all.add(at::full({3, 100, 100, 1}, 77, at::kByte));
  EXPECT_EQ(all.statistics().stddev[0], 1.0);
}

TEST(PixelStatistics, HaveToBeOfUse) {
  const auto refusal = [](double mean, double stddev) {
    return test::error_of([&] { check_statistics({{0.5, mean}, {0.2, stddev}}); });
  };
  EXPECT_EQ(refusal(0.0, 0.1), "");
  EXPECT_EQ(
      refusal(0.4, 0.0),
      "images cannot be normalised with the means (mean) 0.5, 0.4 and the standard deviations "
      "(stddev) 0.2, 0.0: all have to be finite, the deviations above 0");
  EXPECT_NE(refusal(0.4, -0.1), "");
  EXPECT_NE(refusal(NAN, 0.1), "");
  EXPECT_NE(refusal(0.4, INFINITY), "");
  auto set = test::made_up_images(1, 2, 2, 3);
  set->stddev[1] = 0.0;
  EXPECT_THAT(test::error_of([&] { ImageSetSource(set, Augmentation::none()); }),
              ::testing::HasSubstr("deviations above 0"));
}

}  // namespace
}  // namespace darts
