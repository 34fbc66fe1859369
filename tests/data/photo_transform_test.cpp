#include "decode_image.hpp"
#include "photo_crop.hpp"
#include "photo_fixtures.hpp"

#include <darts/data/photo_transform.hpp>

#include <cmath>

namespace darts {
namespace {

using ::testing::HasSubstr;

constexpr auto purpose = RandomPurpose::train_augment;

const PhotoOptions small{.crop_size = 32, .resize_size = 40};

PhotoOptions without_jitter(PhotoOptions options) {
  options.brightness = options.contrast = options.saturation = options.hue = 0.0;
  return options;
}

std::vector<float> transformed(const std::string& file, const PhotoOptions& options, bool augment,
                               std::uint64_t index = 0) {
  const PhotoTransform transform(options, imagenet_statistics(), augment);
  const auto side = static_cast<std::size_t>(transform.size());
  std::vector<float> output(side * side * 3, NAN);
  RandomStream random(3, purpose, 1, index);
  transform.apply(read_file(file), random, output);
  return output;
}

int raw_value(float normalised, std::size_t channel) {
  const PixelStatistics statistics = imagenet_statistics();
  return static_cast<int>(std::lround(
      255.0 * (normalised * statistics.stddev.at(channel) + statistics.mean.at(channel))));
}

TEST(PhotoTransform, FitsTestImagesAsTorchvisionDoes) {
  const test::RecordedImages expected("fitted.bin", 32, 32);
  const std::vector<std::string> files = test::photos();
  ASSERT_EQ(expected.count(), files.size());
  for (std::size_t image = 0; image < files.size(); ++image) {
    const std::vector<float> values = transformed(files[image], small, /*augment=*/false);
    int largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto pixel = static_cast<std::int64_t>(i / 3);
      const int value = raw_value(values[i], i % 3);
      largest = std::max(
          largest, std::abs(value - expected.at(image, pixel, static_cast<std::int64_t>(i % 3))));
    }
    EXPECT_EQ(largest, 0) << files[image];
  }
}

TEST(PhotoTransform, NormalisesExactly) {
  const std::vector<float> values = transformed(test::photos()[0], small, false);
  const int raw = raw_value(values[4], 1);
  EXPECT_EQ(values[4], static_cast<float>((raw / 255.0 - 0.456) / 0.224));
}

TEST(PhotoTransform, ResizesARandomCrop) {
  // Other than for testing, whether mirrored or not: the crop that the same stream gives.
  for (const std::string& file : test::photos()) {
    const std::string bytes = read_file(file);
    const detail::Picture picture = detail::decode_picture(bytes);
    for (std::uint64_t i = 0; i < 20; ++i) {
      PhotoOptions options = without_jitter(small);
      options.crop_size = 64;  // larger than half of any of these: no scaled decoding
      options.resize_size = 64;
      RandomStream random(3, purpose, 1, i);
      const detail::PixelBox box =
          detail::random_crop(picture.box().height, picture.box().width, options, random);
      const auto axis = [](std::int64_t begin, std::int64_t end) {
        return detail::ResampledAxis{.begin = static_cast<double>(begin),
                                     .end = static_cast<double>(end),
                                     .size = 64,
                                     .first = 0,
                                     .count = 64};
      };
      detail::ResampledAxis columns = axis(box.left, box.right());
      columns.mirrored = random.below(2) == 1;
      const detail::Planes expected =
          resample(picture, detail::ResampleWeights(axis(box.top, box.bottom())),
                   detail::ResampleWeights(columns));
      const std::vector<float> values = transformed(file, options, /*augment=*/true, i);
      bool equal = true;
      for (std::size_t at = 0; at < values.size(); ++at) {
        const auto pixel = static_cast<std::ptrdiff_t>(at / 3);
        const auto channel = static_cast<std::int64_t>(at % 3);
        equal = equal && raw_value(values[at], at % 3) == expected.plane(channel)[pixel];
      }
      EXPECT_TRUE(equal) << file << ", stream " << i;
    }
  }
}

TEST(PhotoTransform, StaysCloseWhenItDecodesAtASmallerScale) {
  PhotoOptions options = without_jitter({.crop_size = 16, .resize_size = 16});
  options.smallest_area = 1.0;
  options.narrowest = options.widest = 131.0 / 97.0;
  options.flip = false;
  const std::string file = test::photos()[0];
  const std::vector<float> values = transformed(file, options, true);
  const detail::Picture picture = detail::decode_picture(read_file(file));
  const detail::Planes expected = resample(
      picture,
      detail::ResampleWeights({.begin = 0, .end = 97, .size = 16, .first = 0, .count = 16}),
      detail::ResampleWeights({.begin = 0, .end = 131, .size = 16, .first = 0, .count = 16}));
  double difference = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int exact = expected.plane(static_cast<std::int64_t>(i % 3))[i / 3];
    difference += std::abs(raw_value(values[i], i % 3) - exact);
  }
  EXPECT_LT(difference / static_cast<double>(values.size()), 5.0);
}

TEST(PhotoTransform, IsAFunctionOfTheStream) {
  const std::string file = test::photos()[2];
  EXPECT_EQ(transformed(file, small, true, 5), transformed(file, small, true, 5));
  EXPECT_NE(transformed(file, small, true, 5), transformed(file, small, true, 6));
  EXPECT_EQ(transformed(file, small, false, 5), transformed(file, small, false, 6));
}

TEST(PhotoTransform, DrawsNothingForTesting) {
  const PhotoTransform transform(small, imagenet_statistics(), false);
  std::vector<float> output(32 * 32 * 3);
  RandomStream random(3, purpose);
  RandomStream untouched = random;
  transform.apply(read_file(test::photos()[0]), random, output);
  EXPECT_EQ(random(), untouched());
}

TEST(PhotoTransform, RefusesOptionsThatMakeNoSense) {
  const auto problem = [](const PhotoOptions& options) {
    return test::error_of([&] { PhotoTransform(options, imagenet_statistics(), true); });
  };
  EXPECT_EQ(problem({}), "");
  EXPECT_THAT(problem({.crop_size = 0}), HasSubstr("at least 1"));
  EXPECT_THAT(problem({.crop_size = 224, .resize_size = 200}), HasSubstr("resized to 200"));
  EXPECT_THAT(problem({.smallest_area = 0.0}), HasSubstr("area"));
  EXPECT_THAT(problem({.largest_area = 1.5}), HasSubstr("area"));
  EXPECT_THAT(problem({.narrowest = 2.0}), HasSubstr("width / height"));
  EXPECT_THAT(problem({.crop_tries = -1}), HasSubstr("tries"));
  EXPECT_THAT(problem({.contrast = -0.1}), HasSubstr("contrast"));
  EXPECT_THAT(problem({.hue = 0.6}), HasSubstr("hue"));
  EXPECT_THROW(PhotoTransform({}, {{0.5}, {0.5}}, true), c10::Error);
}

}  // namespace
}  // namespace darts
