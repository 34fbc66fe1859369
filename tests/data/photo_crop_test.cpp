#include "photo_crop.hpp"

#include "fixtures.hpp"

#include <cmath>

namespace darts::detail {
namespace {

PixelBox crop(std::int64_t height, std::int64_t width, std::uint64_t index,
              const PhotoOptions& options = {}) {
  RandomStream random(2, RandomPurpose::train_augment, 0, index);
  return random_crop(height, width, options, random);
}

bool same(const PixelBox& a, const PixelBox& b) {
  return a.top == b.top && a.left == b.left && a.height == b.height && a.width == b.width;
}

TEST(RandomCrop, HasTheAreaAndRatioThatAreAllowed) {
  double area = 0.0;
  double log_ratio = 0.0;
  double centre = 0.0;
  constexpr int count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const PixelBox box = crop(1000, 1000, i);
    ASSERT_TRUE(box.top >= 0 && box.left >= 0 && box.bottom() <= 1000 && box.right() <= 1000);
    const auto height = static_cast<double>(box.height);
    const auto width = static_cast<double>(box.width);
    ASSERT_GE(height * width, 0.08e6 - 1000.0);
    ASSERT_GE(width / height, 0.75 - 0.01);
    ASSERT_LE(width / height, 4.0 / 3.0 + 0.01);
    area += height * width / 1e6 / count;
    log_ratio += std::log(width / height) / count;
    centre += (static_cast<double>(box.top) + height / 2) / 1000.0 / count;
  }
  EXPECT_NEAR(log_ratio, 0.0, 0.01);
  EXPECT_NEAR(centre, 0.5, 0.01);
  // As torchvision's over 20,000: below 0.54, as large crops of some ratios are drawn anew.
  // anew.
  EXPECT_NEAR(area, 0.478, 0.007);
}

TEST(RandomCrop, IsAFunctionOfTheStream) {
  EXPECT_TRUE(same(crop(375, 500, 7), crop(375, 500, 7)));
  EXPECT_FALSE(same(crop(375, 500, 7), crop(375, 500, 8)));
}

TEST(RandomCrop, FallsBackToTheLargestPartInTheMiddle) {
  const PhotoOptions never{.crop_tries = 0};
  EXPECT_TRUE(same(crop(10, 1000, 0, never), {.top = 0, .left = 493, .height = 10, .width = 13}));
  EXPECT_TRUE(same(crop(1000, 10, 0, never), {.top = 493, .left = 0, .height = 13, .width = 10}));
  EXPECT_TRUE(same(crop(300, 350, 0, never), {.top = 0, .left = 0, .height = 300, .width = 350}));
  EXPECT_TRUE(same(crop(1, 1, 0), {.top = 0, .left = 0, .height = 1, .width = 1}));
  // Hardly any crop of such an image fits: the tries end.
  EXPECT_EQ(crop(10, 100'000, 1).height, 10);
}

TEST(CentreCrop, RoundsAsTorchvision) {
  // Resize rounds down, the middle to the even of two.
  const FittedCrop wide = centre_crop(375, 500, {});
  EXPECT_EQ(wide.height, 256);
  EXPECT_EQ(wide.width, 341);
  EXPECT_TRUE(same(wide.part, {.top = 16, .left = 58, .height = 224, .width = 224}));
  const FittedCrop tall = centre_crop(500, 333, {});
  EXPECT_EQ(tall.height, 384);
  EXPECT_EQ(tall.width, 256);
  EXPECT_TRUE(same(tall.part, {.top = 80, .left = 16, .height = 224, .width = 224}));
  EXPECT_EQ(centre_crop(100, 107, {.crop_size = 96, .resize_size = 100}).part.left, 6);  // 5.5
  EXPECT_EQ(centre_crop(100, 105, {.crop_size = 96, .resize_size = 100}).part.left, 4);  // 4.5
}

TEST(DecodingScale, KeepsAtLeastTheOutputsPixels) {
  const auto scale = [](std::int64_t height, std::int64_t width) {
    return decoding_scale({.height = height, .width = width}, 224);
  };
  EXPECT_EQ(scale(200, 300), 8);
  EXPECT_EQ(scale(447, 600), 8);
  EXPECT_EQ(scale(448, 448), 4);
  EXPECT_EQ(scale(895, 2000), 4);
  EXPECT_EQ(scale(896, 896), 2);
  EXPECT_EQ(scale(1792, 1792), 1);
}

}  // namespace
}  // namespace darts::detail
