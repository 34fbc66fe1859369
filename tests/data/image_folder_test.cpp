#include "fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/data/dataset.hpp>
#include <darts/data/open_images.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

class ImageFolder : public ::testing::Test {
 protected:
  void put(const std::string& image, const fs::path& place) const {
    fs::create_directories((root.path() / place).parent_path());
    fs::copy_file(testing::test_data_folder() / "images" / image, root.path() / place);
  }

  void put_two_classes(const fs::path& split) const {
    put("landscape_rgb.jpg", split / "rock" / "b.jpg");
    put("grey.jpg", split / "rock" / "a.JPEG");
    put("png_named.jpg", split / "fish" / "1.jpg");
  }

  ImageSet load(Split split) const { return load_dataset(options, split); }

  std::string load_error(Split split) const {
    return test::error_of([&] { load(split); });
  }

  test::TempFolder root;
  DatasetOptions options{.name = "image_folder", .root = root.path(), .image_size = 16};
};

TEST_F(ImageFolder, ReadsClassesAndFilesSortedByName) {
  put_two_classes("train");
  put("alpha.png", "train/fish/0.png");
  test::write_file(root.path() / "train" / "fish" / "readme.txt", "not an image");
  test::write_file(root.path() / "train" / "fish" / ".hidden.jpg", "not an image");
  test::write_file(root.path() / "train" / "notes.txt", "not a class");
  const ImageSet set = load(Split::train);
  EXPECT_THAT(set.images.sizes(), ElementsAre(4, 16, 16, 3));
  EXPECT_THAT(set.class_names, ElementsAre("fish", "rock"));
  const auto* labels = set.labels.const_data_ptr<std::int64_t>();
  EXPECT_THAT(std::vector(labels, labels + 4), ElementsAre(0, 0, 1, 1));
  EXPECT_TRUE(set.by_class);
  // a.JPEG, the third, is the grey one.
  EXPECT_TRUE(set.images[2].select(-1, 0).equal(set.images[2].select(-1, 2)));
  EXPECT_FALSE(set.images[3].select(-1, 0).equal(set.images[3].select(-1, 2)));

  PixelAccumulator pixels(3);
  pixels.add(set.images);
  EXPECT_EQ(set.mean, pixels.statistics().mean);
  EXPECT_EQ(set.stddev, pixels.statistics().stddev);
}

TEST_F(ImageFolder, ReadsJpegUnderAnyUsualEndingAndWhatLiesInSubFolders) {
  put("grey.jpg", "train/rock/b.jfif");
  put("grey.jpg", "train/rock/a.JPE");
  put("grey.jpg", "train/rock/more/a.jpg");
  put("grey.jpg", "train/rock/even/more/z.jpeg");
  for (const char* name : {"c.webp", "d.WEBP", "e.gif", "f"}) {
    test::write_file(root.path() / "train/rock" / name, "?");
  }
  std::vector<std::string> notes;
  options.warn = [&](const std::string& note) { notes.push_back(note); };
  EXPECT_EQ(load(Split::train).images.size(0), 4);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("1 .gif, 2 .webp, 1 without ending")));
}

TEST_F(ImageFolder, RefusesLinksThatLeadNowhereAndImagesWithoutAClass) {
  put_two_classes("train");
  put_two_classes("val");
  fs::create_symlink("gone.jpg", root.path() / "train/rock/c.jpg");
  EXPECT_THAT(load_error(Split::train), HasSubstr("train/rock/c.jpg is a link to gone.jpg"));
  fs::remove(root.path() / "train/rock/c.jpg");
  put("grey.jpg", "val/loose.jpg");
  EXPECT_THAT(load_error(Split::test), HasSubstr("1 images beside them (loose.jpg)"));
  fs::remove(root.path() / "val/loose.jpg");
  fs::create_directory_symlink("..", root.path() / "train/rock/up");
  EXPECT_THAT(load_error(Split::train), HasSubstr("does a link lead back?"));
}

TEST_F(ImageFolder, ReadsTheTestImagesOfTinyImageNet) {
  for (const char* name : {"n01", "n02"}) {
    put("grey.jpg", fs::path("train") / name / "images/x.JPEG");
    test::write_file(root.path() / "train" / name / (std::string(name) + "_boxes.txt"), "?");
  }
  put("grey.jpg", "val/images/val_0.JPEG");
  put("landscape_rgb.jpg", "val/images/val_1.JPEG");
  put("grey.jpg", "test/images/test_0.JPEG");
  test::write_file(root.path() / "val/val_annotations.txt",
                   "val_1.JPEG\tn01\t0\t32\t44\t62\nval_0.JPEG\tn02\t5\t5\t6\t6\n");
  const ImageSet set = load(Split::test);
  const auto* labels = set.labels.const_data_ptr<std::int64_t>();
  EXPECT_THAT(std::vector(labels, labels + 2), ElementsAre(1, 0));
  options.name = "imagenet";
  const auto source = open_images(options, Split::test);
  EXPECT_EQ(source->size(), 2);
  EXPECT_EQ(source->label(0), 1);
  EXPECT_EQ(open_images(options, Split::train)->size(), 2);
}

TEST_F(ImageFolder, GivesTheTestSplitTheStatisticsAndClassesOfTheTrainSplit) {
  put_two_classes("train");
  put("cmyk.jpg", "val/rock/x.jpg");
  const ImageSet train = load(Split::train);
  const ImageSet test = load(Split::test);
  EXPECT_EQ(test.size(), 1);
  EXPECT_EQ(test.labels[0].item<int>(), 1);
  EXPECT_EQ(test.class_names, train.class_names);
  EXPECT_EQ(test.mean, train.mean);
  EXPECT_EQ(test.stddev, train.stddev);

  // Given ones are used, and the train images not read.
  options.statistics = PixelStatistics{{0.1, 0.2, 0.3}, {0.4, 0.5, 0.6}};
  test::write_file(root.path() / "train" / "rock" / "broken.jpg", "x");
  EXPECT_EQ(load(Split::test).mean, options.statistics->mean);
}

TEST_F(ImageFolder, MayHoldTheClassesOfTheTrainSplitItself) {
  put_two_classes(".");
  EXPECT_EQ(load(Split::train).size(), 3);
  EXPECT_EQ(load_error(Split::test), "no test images in " + root.path().string() + ": expected " +
                                         (root.path() / "train").string() +
                                         "/CLASS/*.jpg (or .jpeg, .png) and " +
                                         (root.path() / "test").string() + "/CLASS/");
}

TEST_F(ImageFolder, NamesABrokenImage) {
  put_two_classes("train");
  const fs::path broken = root.path() / "train" / "fish" / "1.jpg";
  fs::remove(broken);
  put("landscape_rgb.jpg", "train/fish/1.jpg");
  fs::resize_file(broken, 700);
  EXPECT_THAT(load_error(Split::train),
              AllOf(StartsWith("cannot read the image " + broken.string() + ": damaged JPEG ("),
                    HasSubstr("; replace or remove it")));
}

TEST_F(ImageFolder, LeavesOutBrokenImagesIfAsked) {
  put_two_classes("train");
  put_two_classes("test");
  const PixelStatistics whole = {load(Split::train).mean, load(Split::train).stddev};
  for (const char* split : {"train", "test"}) {
    test::write_file(root.path() / split / "fish/2.jpg", "no picture");
  }
  EXPECT_THAT(load_error(Split::train), HasSubstr("fish/2.jpg"));
  std::vector<std::string> notes;
  const OpenOptions open{.on_error = OnError::skip,
                         .warn = [&](const std::string& note) { notes.push_back(note); }};
  for (const Split split : {Split::train, Split::test}) {
    const auto images = open_images(options, split, open);
    ASSERT_EQ(images->size(), 4);
    EXPECT_EQ(images->statistics().mean, whole.mean);
    EXPECT_EQ(images->statistics().stddev, whole.stddev);
    RandomStream random(0, RandomPurpose::train_augment);
    std::vector<float> image(static_cast<std::size_t>(images->image_values()));
    EXPECT_TRUE(images->read(0, random, image));
    EXPECT_FALSE(images->read(1, random, image));  // fish/2.jpg
    EXPECT_FALSE(images->unaugmented()->read(1, random, image));
  }
  EXPECT_THAT(notes.front(), AllOf(HasSubstr("1 of 4 images cannot be read and are left out"),
                                   HasSubstr("train/fish/2.jpg")));

  for (const char* file : {"fish/1.jpg", "rock/a.JPEG", "rock/b.jpg"}) {
    test::write_file(root.path() / "train" / file, "no picture");
  }
  EXPECT_THAT(test::error_of([&] { open_images(options, Split::train, open); }),
              HasSubstr("none of the 4 images in"));
}

TEST_F(ImageFolder, LeavesOutLinksThatLeadNowhereIfAsked) {
  put_two_classes("train");
  const auto link = root.path() / "train/fish/2.jpg";
  std::filesystem::remove(link);
  std::filesystem::create_symlink("nowhere", link);
  EXPECT_THAT(load_error(Split::train), HasSubstr("2.jpg is a link to nowhere"));
  std::vector<std::string> notes;
  const OpenOptions open{.on_error = OnError::skip,
                         .warn = [&](const std::string& note) { notes.push_back(note); }};
  ASSERT_EQ(open_images(options, Split::train, open)->size(), 4);
  EXPECT_THAT(notes.front(), HasSubstr("1 of 4 images cannot be read and are left out"));
}

TEST_F(ImageFolder, RefusesAClassWhoseNameIsNotUtf8) {
  put_two_classes("train");
  put("grey.jpg", "train/caf\xe9/x.jpg");
  const std::string refusal =
      root.path().string() +
      "/train: the class \"caf\\xe9\" has a name that is not UTF-8; rename it";
  EXPECT_EQ(load_error(Split::train), refusal);
  options.name = "imagenet";
  EXPECT_EQ(test::error_of([&] { open_images(options, Split::train); }), refusal);
}

TEST_F(ImageFolder, ATestSplitAloneHasTheClassesThatItShows) {
  put_two_classes("test");
  options.statistics = PixelStatistics{{0.1, 0.2, 0.3}, {0.4, 0.5, 0.6}};
  EXPECT_THAT(load(Split::test).class_names, ElementsAre("fish", "rock"));
  options.statistics.reset();
  EXPECT_THAT(load_error(Split::test), StartsWith("no train images in"));
}

TEST_F(ImageFolder, NamesAClassWithoutImages) {
  put_two_classes("train");
  fs::create_directories(root.path() / "train" / "empty");
  EXPECT_EQ(load_error(Split::train), "the class folder " +
                                          (root.path() / "train" / "empty").string() +
                                          " has no JPEG or PNG images; add some or "
                                          "remove it");
}

TEST_F(ImageFolder, RefusesATestClassThatWasNotTrained) {
  put_two_classes("train");
  put("cmyk.jpg", "test/bird/x.jpg");
  EXPECT_THAT(load_error(Split::test), HasSubstr("test/bird has no train images: there is no " +
                                                 (root.path() / "train" / "bird").string()));
}

TEST_F(ImageFolder, SaysWhichLayoutItExpects) {
  EXPECT_THAT(load_error(Split::train), AllOf(HasSubstr("no class folders in"),
                                              HasSubstr("train/CLASS/*.jpg (or .jpeg, .png)")));
  put("cmyk.jpg", "test/bird/x.jpg");
  EXPECT_THAT(load_error(Split::train), StartsWith("no train images in"));
  options.root = root.path() / "none";
  EXPECT_THAT(load_error(Split::train),
              StartsWith("no image folder " + (root.path() / "none").string() + ": expected"));
}

TEST_F(ImageFolder, RefusesASizeOfNoPixels) {
  options.image_size = 0;
  EXPECT_THAT(load_error(Split::train), HasSubstr("at least 1 pixel, not 0"));
}

}  // namespace
}  // namespace darts
