#include "jpeg_decoder.hpp"

#include "photo_fixtures.hpp"

#include <darts/core/random.hpp>

namespace darts::detail {
namespace {

Picture whole(const std::string& bytes) {
  JpegDecoder decoder(bytes);
  return decoder.decode({.height = decoder.height(), .width = decoder.width()});
}

PixelBox any_box(std::int64_t height, std::int64_t width, RandomStream& random) {
  const auto below = [&random](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  PixelBox box{.top = below(height), .left = below(width)};
  box.height = 1 + below(height - box.top);
  box.width = 1 + below(width - box.left);
  return box;
}

/// Whether `part` has `box` and shows there what `image` does.
bool shows(const Picture& part, const Picture& image, const PixelBox& box) {
  const PixelBox& has = part.box();
  if (has.top > box.top || has.left > box.left || has.bottom() < box.bottom() ||
      has.right() < box.right()) {
    return false;
  }
  for (std::int64_t y = box.top; y < box.bottom(); ++y) {
    for (std::int64_t x = box.left; x < box.right(); ++x) {
      if (!std::equal(part.row(y) + 4 * (x - has.left), part.row(y) + 4 * (x - has.left) + 3,
                      image.row(y) + 4 * x)) {
        return false;
      }
    }
  }
  return true;
}

TEST(JpegDecoder, DecodesAnyPartAsIfItDecodedAll) {
  for (const std::string& file : test::photos()) {
    const std::string bytes = read_file(file);
    if (!bytes.starts_with("\xFF\xD8")) {
      continue;
    }
    const Picture image = whole(bytes);
    RandomStream random(1, RandomPurpose::train_augment);
    for (int i = 0; i < 100; ++i) {
      const PixelBox box = any_box(image.box().height, image.box().width, random);
      JpegDecoder decoder(bytes);
      EXPECT_TRUE(shows(decoder.decode(box), image, box))
          << file << ' ' << box.top << ' ' << box.left << ' ' << box.height << ' ' << box.width;
    }
  }
}

TEST(JpegDecoder, ScalesAsItDecodes) {
  const std::string bytes = read_file(test::data_folder / "photos/pattern_420.jpg");
  const Picture image = whole(bytes);
  JpegDecoder decoder(bytes);
  decoder.scale(4);
  const Picture half = decoder.decode({.top = 2, .left = 3, .height = 40, .width = 50});
  double difference = 0.0;
  for (std::int64_t y = 2; y < 42; ++y) {
    for (std::int64_t x = 3; x < 53; ++x) {
      const std::uint8_t* in = image.row(2 * y) + 8 * x;
      const std::uint8_t* below = image.row(2 * y + 1) + 8 * x;
      const int mean = (in[0] + in[4] + below[0] + below[4]) / 4;
      difference += std::abs(mean - half.row(y)[4 * (x - half.box().left)]);
    }
  }
  EXPECT_LT(difference / 2000.0, 4.0);
}

TEST(JpegDecoder, NeedsNothingBelowTheBox) {
  std::string bytes = read_file(test::data_folder / "photos/pattern_444.jpg");
  const Picture image = whole(bytes);
  bytes.resize(bytes.size() / 2);
  const PixelBox box{.height = 16, .width = 131};
  JpegDecoder decoder(bytes);
  EXPECT_TRUE(shows(decoder.decode(box), image, box));
  JpegDecoder other(bytes);
  EXPECT_THROW(other.decode({.height = 97, .width = 131}), std::runtime_error);
}

}  // namespace
}  // namespace darts::detail
