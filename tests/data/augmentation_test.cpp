#include "fixtures.hpp"

#include <darts/data/augmentation.hpp>

#include <cmath>

namespace darts {
namespace {

using testing::HasSubstr;

constexpr auto purpose = RandomPurpose::train_augment;

std::span<const std::uint8_t> pixels_of(const ImageSet& set, std::int64_t index) {
  const auto values = static_cast<std::size_t>(set.images[0].numel());
  return {set.images.const_data_ptr<std::uint8_t>() + static_cast<std::size_t>(index) * values,
          values};
}

std::vector<float> transformed(const ImageSet& set, const Augmentation& augmentation,
                               RandomStream random, std::int64_t index = 0) {
  const ImageTransform transform(set, augmentation);
  std::vector<float> output(static_cast<std::size_t>(transform.image_values()), NAN);
  transform.apply(pixels_of(set, index), random, output);
  return output;
}

/// The same, pixel by pixel, as the documentation says it.
std::vector<float> reference(const ImageSet& set, const Augmentation& augmentation,
                             RandomStream random, std::int64_t index = 0) {
  const std::int64_t height = set.height();
  const std::int64_t width = set.width();
  const std::int64_t padding = augmentation.crop_padding;
  const auto draw = [&random](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  const std::int64_t top = padding > 0 ? draw(2 * padding + 1) : 0;
  const std::int64_t left = padding > 0 ? draw(2 * padding + 1) : 0;
  const bool mirrored = augmentation.flip && draw(2) == 1;
  std::int64_t cut_y = -1'000'000;
  std::int64_t cut_x = -1'000'000;
  const bool cuts = augmentation.cutout > 0 && (augmentation.cutout_share >= 1.0 ||
                                                random.uniform() < augmentation.cutout_share);
  if (cuts) {
    cut_y = draw(height) - augmentation.cutout / 2;
    cut_x = draw(width) - augmentation.cutout / 2;
  }
  const auto image = pixels_of(set, index);
  std::vector<float> output;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from_y = y + top - padding;
      const std::int64_t from_x = (mirrored ? width - 1 - x : x) + left - padding;
      const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
      const bool cut = y >= cut_y && y < cut_y + augmentation.cutout && x >= cut_x &&
                       x < cut_x + augmentation.cutout;
      for (std::int64_t c = 0; c < set.channels(); ++c) {
        const auto at = static_cast<std::size_t>((from_y * width + from_x) * set.channels() + c);
        const double raw = inside ? image[at] : 0;
        const auto channel = static_cast<std::size_t>(c);
        output.push_back(
            cut ? 0.0F
                : static_cast<float>((raw / 255.0 - set.mean[channel]) / set.stddev[channel]));
      }
    }
  }
  return output;
}

TEST(ImageTransform, NormalisesExactly) {
  const auto set = test::made_up_images(1, 4, 5, 3);
  const RandomStream random(1, purpose);
  EXPECT_EQ(transformed(*set, Augmentation::none(), random),
            reference(*set, Augmentation::none(), random));
}

TEST(ImageTransform, DrawsNothingWhenAllIsOff) {
  const auto set = test::made_up_images(1, 4, 4, 3);
  RandomStream random(1, purpose);
  RandomStream untouched = random;
  const ImageTransform transform(*set, Augmentation::none());
  std::vector<float> output(static_cast<std::size_t>(transform.image_values()));
  transform.apply(pixels_of(*set, 0), random, output);
  EXPECT_EQ(random(), untouched());
}

struct Case {
  std::int64_t height, width, channels;
  Augmentation augmentation;
};

class ImageTransformGeometry : public testing::TestWithParam<Case> {};

TEST_P(ImageTransformGeometry, EqualsAReferencePixelByPixel) {
  const Case& p = GetParam();
  const auto set = test::made_up_images(1, p.height, p.width, p.channels);
  for (std::uint64_t i = 0; i < 300; ++i) {
    const RandomStream random(7, purpose, 3, i);
    ASSERT_EQ(transformed(*set, p.augmentation, random), reference(*set, p.augmentation, random))
        << "stream " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ImageTransformGeometry,
    testing::Values(Case{8, 8, 3, {.crop_padding = 4, .flip = true, .cutout = 0}},
                    Case{8, 8, 3, {.crop_padding = 0, .flip = true, .cutout = 0}},
                    Case{8, 6, 1, {.crop_padding = 2, .flip = false, .cutout = 3}},
                    Case{6, 9, 3, {.crop_padding = 3, .flip = true, .cutout = 4}},
                    Case{5, 4, 2, {.crop_padding = 1, .flip = true, .cutout = 1}},
                    Case{6, 6, 3, {.crop_padding = 1, .cutout = 4, .cutout_share = 0.5}},
                    // More padding than image, a cutout larger than the image, one pixel.
                    Case{3, 4, 3, {.crop_padding = 9, .flip = true, .cutout = 0}},
                    Case{4, 4, 3, {.crop_padding = 1, .flip = true, .cutout = 20}},
                    Case{1, 1, 1, {.crop_padding = 1, .flip = true, .cutout = 0}}));

TEST(ImageTransform, FlipsHalfOfTheImages) {
  const auto set = test::made_up_images(1, 4, 4, 3);
  const Augmentation flip{.crop_padding = 0, .flip = true, .cutout = 0};
  const auto straight = transformed(*set, Augmentation::none(), {0, purpose});
  int flipped = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    flipped += transformed(*set, flip, {0, purpose, 0, i}) != straight ? 1 : 0;
  }
  EXPECT_NEAR(flipped, 5'000, 200);  // four standard deviations
}

TEST(ImageTransform, CutsAShareOfTheImages) {
  const auto set = test::made_up_images(1, 4, 4, 3);
  const auto whole = transformed(*set, Augmentation::none(), {0, purpose});
  for (const double share : {0.0, 0.3, 1.0}) {
    const Augmentation cut{.crop_padding = 0, .flip = false, .cutout = 2, .cutout_share = share};
    int changed = 0;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      changed += transformed(*set, cut, {0, purpose, 0, i}) != whole ? 1 : 0;
    }
    EXPECT_NEAR(changed, 10'000 * share, share == 0.3 ? 200 : 0);
  }
}

TEST(ImageTransform, PlacesCropsUniformly) {
  // An image with a single bright pixel shows where its crop was taken.
  const auto set = test::made_up_images(1, 9, 9, 1);
  set->images.zero_();
  set->images[0][4][4][0] = 255;
  const Augmentation crop{.crop_padding = 2, .flip = false, .cutout = 0};
  std::vector<int> places(81);
  for (std::uint64_t i = 0; i < 25'000; ++i) {
    const auto output = transformed(*set, crop, {0, purpose, 0, i});
    ++places[static_cast<std::size_t>(std::max_element(output.begin(), output.end()) -
                                      output.begin())];
  }
  for (std::size_t y = 0; y < 9; ++y) {
    for (std::size_t x = 0; x < 9; ++x) {
      const bool reachable = y >= 2 && y <= 6 && x >= 2 && x <= 6;
      EXPECT_NEAR(places[y * 9 + x], reachable ? 1000 : 0, reachable ? 150 : 0) << y << ' ' << x;
    }
  }
}

TEST(ImageTransform, RefusesNegativeSizes) {
  const auto set = test::made_up_images(1, 4, 4, 3);
  EXPECT_THAT(test::error_of([&] { ImageTransform(*set, {.crop_padding = -1}); }),
              HasSubstr("must not be negative"));
  EXPECT_THAT(test::error_of([&] { ImageTransform(*set, {.cutout = -1}); }),
              HasSubstr("must not be negative"));
}

}  // namespace
}  // namespace darts
