#include "fixtures.hpp"

#include <darts/data/image_set_source.hpp>
#include <darts/data/open_images.hpp>

namespace darts {
namespace {

class OpenImages : public testing::Test {
 protected:
  OpenImages() {
    std::string pixels(784, '\x05');
    pixels[400] = '\x7F';
    test::write_file(root.path() / "train-images-idx3-ubyte", test::idx({1, 28, 28}, pixels));
    test::write_file(root.path() / "train-labels-idx1-ubyte", test::idx({1}, "\x03"));
  }

  std::vector<float> read(const OpenOptions& options, std::uint64_t index) const {
    const auto source = open_images({.root = root.path()}, Split::train, options);
    std::vector<float> image(static_cast<std::size_t>(source->image_values()));
    RandomStream random(0, RandomPurpose::train_augment, 0, index);
    EXPECT_TRUE(source->read(0, random, image));
    return image;
  }

  test::TempFolder root;
};

TEST_F(OpenImages, GivesAnyDataSetAsASource) {
  const auto source = open_images({.root = root.path()}, Split::train);
  EXPECT_EQ(source->size(), 1);
  EXPECT_EQ(source->height(), 32);
  EXPECT_EQ(source->width(), 32);
  EXPECT_EQ(source->channels(), 1);
  EXPECT_EQ(source->classes(), 10);
  EXPECT_EQ(source->label(0), 3);
  EXPECT_EQ(source->statistics().mean.size(), 1U);
}

TEST_F(OpenImages, AugmentsOnlyWhenAsked) {
  EXPECT_EQ(read({}, 0), read({}, 1));
  EXPECT_NE(read({.augment = true}, 0), read({.augment = true}, 1));
  EXPECT_EQ(read({.augment = true, .augmentation = Augmentation::none()}, 0), read({}, 1));
}

TEST_F(OpenImages, GivesTheSameImagesUnaugmented) {
  const auto source = open_images({.root = root.path()}, Split::train, {.augment = true});
  const auto plain = source->unaugmented();
  EXPECT_EQ(plain->size(), 1);
  std::vector<float> image(static_cast<std::size_t>(plain->image_values()));
  RandomStream random(0, RandomPurpose::train_augment, 0, 1);
  EXPECT_TRUE(plain->read(0, random, image));
  EXPECT_EQ(image, read({}, 0));
}

TEST_F(OpenImages, SaysWhatLoadingSays) {
  EXPECT_THAT(test::error_of([] { open_images({.name = "cifar11"}, Split::test); }),
              testing::HasSubstr("unknown data set 'cifar11'"));
}

}  // namespace
}  // namespace darts
