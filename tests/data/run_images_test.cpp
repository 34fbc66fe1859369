#include "fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/data/open_images.hpp>
#include <darts/data/run_images.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::HasSubstr;

using Json = nlohmann::ordered_json;

std::string difference(const RunImages& now, const Json& then) {
  return test::error_of([&] { check_same_images(now, then, "x.ckpt"); });
}

TEST(RunImages, ADifferenceIsNamed) {
  const RunImages images{{"ant", "bee"}, {{"training", {40, "0a"}}, {"test", {7, "0b"}}}};
  const Json then = to_json(images);
  EXPECT_EQ(difference(images, then), "");
  EXPECT_EQ(difference(images, Json::object()), "");  // of an earlier version
  RunImages other = images;
  other.class_names[1] = "wasp";
  EXPECT_THAT(difference(other, then),
              AllOf(HasSubstr("x.ckpt"), HasSubstr("number 2: now \"wasp\", then \"bee\"")));
  other.class_names = {"ant"};
  EXPECT_THAT(difference(other, then),
              HasSubstr("now 1 classes, then 2; the first that differs, number 2: now not there"));
  other = images;
  other.splits["test"].count = 8;
  EXPECT_THAT(difference(other, then), HasSubstr("now 8 test images, then 7"));
  other = images;
  other.splits["training"].checksum = "0c";
  EXPECT_THAT(difference(other, then), HasSubstr("as many training images as then, 40, but other"));
}

/// What can be read from files, in memory or as it is needed.
class ImageLists : public ::testing::TestWithParam<const char*> {
 protected:
  ImageLists() {
    put("train/rock/a.jpg");
    put("train/rock/b.jpg");
    put("train/fish/c.jpg");
    put("val/fish/c.jpg");
  }
  void put(const fs::path& place) const {
    fs::create_directories((root_.path() / place).parent_path());
    fs::copy_file(testing::test_data_folder() / "images/grey.jpg", root_.path() / place);
  }
  std::string checksum(const fs::path& root) const {
    const DatasetOptions options{.name = GetParam(), .root = root, .image_size = 16};
    return open_images(options, Split::train, {.index_cache = root_.path() / "cache"})->checksum();
  }

  test::TempFolder root_;
};

TEST_P(ImageLists, NamesCountAndThePlaceDoesNot) {
  const std::string before = checksum(root_.path());
  EXPECT_EQ(before.size(), 8U);
  const test::TempFolder elsewhere;
  fs::copy(root_.path(), elsewhere.path() / "copy", fs::copy_options::recursive);
  EXPECT_EQ(checksum(elsewhere.path() / "copy"), before);
  fs::rename(root_.path() / "train/rock/b.jpg", root_.path() / "train/rock/d.jpg");
  EXPECT_NE(checksum(root_.path()), before);
  fs::rename(root_.path() / "train/rock/d.jpg", root_.path() / "train/fish/b.jpg");
  EXPECT_NE(checksum(root_.path()), before);
}

INSTANTIATE_TEST_SUITE_P(, ImageLists, ::testing::Values("image_folder", "imagenet"),
                         [](const auto& name) { return std::string(name.param); });

TEST(ImageListsWithoutFiles, AreToldByTheirLabels) {
  const test::TempFolder root;
  const auto checksum = [&](int images) {
    test::write_fashion_mnist(root.path(), images);
    return open_images({.name = "fashion_mnist", .root = root.path()}, Split::train)->checksum();
  };
  const std::string eight = checksum(8);
  EXPECT_EQ(checksum(8), eight);
  EXPECT_NE(checksum(9), eight);
}

}  // namespace
}  // namespace darts
