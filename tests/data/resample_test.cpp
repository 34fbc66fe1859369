#include "resample.hpp"

#include "decode_image.hpp"
#include "photo_fixtures.hpp"

namespace darts::detail {
namespace {

ResampledAxis axis(std::int64_t begin, std::int64_t length, std::int64_t size) {
  return {.begin = static_cast<double>(begin),
          .end = static_cast<double>(begin + length),
          .size = size,
          .first = 0,
          .count = size};
}

Planes resized(const Picture& picture, const PixelBox& box, std::int64_t height,
               std::int64_t width) {
  return resample(picture, ResampleWeights(axis(box.top, box.height, height)),
                  ResampleWeights(axis(box.left, box.width, width)));
}

TEST(Resample, EqualsPillow) {
  const test::RecordedImages expected("resized.bin", 24, 20);
  const std::vector<PixelBox> boxes = {
      {3, 5, 90, 120}, {10, 20, 24, 24}, {50, 60, 12, 16}, {0, 0, 97, 131}, {20, 1, 30, 70}};
  ASSERT_EQ(expected.count(), boxes.size());
  const Picture picture = decode_picture(read_file(test::data_folder / "photos/pattern_420.jpg"));
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_EQ(test::largest_difference(resized(picture, boxes[i], 24, 20), expected.planes(i)), 0)
        << "box " << i;
  }
}

TEST(Resample, MakesOnlyTheWantedPixels) {
  const Picture picture = decode_picture(read_file(test::data_folder / "photos/pattern_444.jpg"));
  const PixelBox all{.height = 97, .width = 131};
  const Planes whole = resized(picture, all, 50, 60);
  ResampledAxis rows = axis(0, 97, 50);
  ResampledAxis columns = axis(0, 131, 60);
  rows.first = 7;
  rows.count = 30;
  columns.first = 11;
  columns.count = 40;
  columns.mirrored = true;
  const ResampleWeights row_weights(rows);
  EXPECT_GT(row_weights.begin(), 0);
  EXPECT_LT(row_weights.end(), 97);
  const Planes part = resample(picture, row_weights, ResampleWeights(columns));
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    for (std::int64_t y = 0; y < 30; ++y) {
      for (std::int64_t x = 0; x < 40; ++x) {
        ASSERT_EQ(part.plane(channel)[y * 40 + 39 - x],
                  whole.plane(channel)[(y + 7) * 60 + x + 11]);
      }
    }
  }
}

TEST(Resample, KeepsAConstantImage) {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 500}, {333, 2}, {7, 32}, {64, 64}}) {
    Picture picture({.height = height, .width = width});
    std::fill_n(picture.row(0), picture.row_bytes() * height, std::uint8_t{200});
    const Planes planes = resized(picture, picture.box(), 32, 24);
    EXPECT_EQ(std::count(planes.values.begin(), planes.values.end(), 200), 3 * 32 * 24)
        << height << " by " << width;
  }
}

TEST(Resample, TakesPartsOfPixels) {
  // From half-way in the first pixel: the weights shift by half of one.
  const ResampleWeights weights({.begin = 0.5, .end = 4.5, .size = 4, .first = 0, .count = 4});
  EXPECT_EQ(weights.begin(), 0);
  EXPECT_EQ(weights.end(), 5);
  EXPECT_EQ(weights.weights(1)[0], 1 << 21);
  EXPECT_EQ(weights.weights(1)[1], 1 << 21);
}

}  // namespace
}  // namespace darts::detail
