#include "adjust_color.hpp"

#include "color_jitter.hpp"
#include "photo_fixtures.hpp"

#include <set>

namespace darts::detail {
namespace {

struct Change {
  const char* name;
  void (*adjust)(Planes& image, double amount);
  double amount;
};

TEST(AdjustColor, EqualsTorchvisionOnPillowImages) {
  const test::RecordedImages recorded("colours.bin", 16, 16);
  const std::vector<Change> changes = {{"brightness", adjust_brightness, 0.6},
                                       {"brightness", adjust_brightness, 1.4},
                                       {"contrast", adjust_contrast, 0.65},
                                       {"contrast", adjust_contrast, 1.35},
                                       {"saturation", adjust_saturation, 0.6},
                                       {"saturation", adjust_saturation, 1.4},
                                       {"hue", adjust_hue, 0.2},
                                       {"hue", adjust_hue, -0.13}};
  ASSERT_EQ(recorded.count(), changes.size() + 1);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Planes image = recorded.planes(0);
    changes[i].adjust(image, changes[i].amount);
    EXPECT_EQ(test::largest_difference(image, recorded.planes(i + 1)), 0)
        << changes[i].name << ' ' << changes[i].amount;
  }
}

TEST(AdjustColor, LeavesTheImageWhereTheFactorIsOne) {
  const Planes image = test::RecordedImages("colours.bin", 16, 16).planes(0);
  for (const auto adjust : {adjust_brightness, adjust_contrast, adjust_saturation}) {
    Planes changed = image;
    adjust(changed, 1.0);
    EXPECT_EQ(changed.values, image.values);
  }
}

class JitterColors : public ::testing::Test {
 protected:
  Planes jittered(const PhotoOptions& options, std::uint64_t index) const {
    RandomStream random(5, RandomPurpose::train_augment, 0, index);
    Planes image = original;
    jitter_colors(image, options, random);
    return image;
  }

  Planes original = test::RecordedImages("colours.bin", 16, 16).planes(0);
  PhotoOptions off{.brightness = 0.0, .contrast = 0.0, .saturation = 0.0, .hue = 0.0};
};

TEST_F(JitterColors, ChangesNothingWhenAllIsOff) {
  EXPECT_EQ(jittered(off, 0).values, original.values);
}

TEST_F(JitterColors, IsAFunctionOfTheStream) {
  const PhotoOptions options;
  EXPECT_EQ(jittered(options, 3).values, jittered(options, 3).values);
  EXPECT_NE(jittered(options, 3).values, jittered(options, 4).values);
}

TEST_F(JitterColors, DrawsFactorsAroundOne) {
  PhotoOptions brightness = off;
  brightness.brightness = 0.4;
  double least = 10.0;
  double most = 0.0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const double factor = jittered(brightness, i).values[5] / static_cast<double>(180);
    least = std::min(least, factor);
    most = std::max(most, factor);
  }
  ASSERT_EQ(original.values[5], 180);
  EXPECT_NEAR(least, 0.6, 0.01);
  EXPECT_NEAR(most, 1.4, 0.02);
}

TEST_F(JitterColors, TakesTheChangesInAnyOrder) {
  // With factors that are certain the results differ by the order alone.
  std::set<std::vector<std::uint8_t>> results;
  PhotoOptions two = off;
  two.brightness = 1e-9;
  two.hue = 0.5;
  for (std::uint64_t i = 0; i < 50; ++i) {
    results.insert(jittered(two, i).values);
  }
  EXPECT_GT(results.size(), 10U);
}

}  // namespace
}  // namespace darts::detail
