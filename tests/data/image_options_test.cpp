#include "fixtures.hpp"

#include <darts/data/image_options.hpp>

#include <unistd.h>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

/// While it lives, `folder` is the working directory.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const fs::path& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~WorkingDirectory() {
    std::error_code ignored;
    fs::current_path(before_, ignored);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  fs::path before_;
};

TEST(ImageOptions, PathsMeanTheSameFromEverywhere) {
  const test::TempFolder folder;
  const WorkingDirectory here(folder.path());
  const fs::path place = fs::current_path();
  const auto root_of = [](const std::string& dataset, const fs::path& root) {
    return with_absolute_paths({.set = {.name = dataset, .root = root}}).set.root;
  };
  EXPECT_EQ(root_of("image_folder", "pictures"), place / "pictures");
  EXPECT_EQ(root_of("cifar10", "data"), place / "data");
  EXPECT_EQ(root_of("fashion_mnist", "mine"), place / "mine");
  EXPECT_EQ(root_of("fashion_mnist", "data"), "data");  // where the system's copy will do
  test::write_fashion_mnist("data", 4);
  EXPECT_EQ(root_of("fashion_mnist", "data"), place / "data");
  EXPECT_EQ(with_absolute_paths({.index_cache = "cache"}).index_cache, place / "cache");
  EXPECT_EQ(with_absolute_paths({}).index_cache, "");
}

TEST(ImageOptions, RootsStayAsTheyAreWhereNoRecordCouldHoldThem) {
  const test::TempFolder folder;
  fs::create_directories(folder.path() / "caf\xe9");
  const WorkingDirectory here(folder.path() / "caf\xe9");
  EXPECT_EQ(with_absolute_paths({.set = {.root = "mine"}}).set.root, "mine");
}

TEST(ImageOptions, SomeAreOfOneDataSetAlone) {
  const auto idle = [](const std::string& dataset) {
    std::vector<std::string> keys;
    for (const IdleRule& rule : idle_image_settings({.set = {.name = dataset}})) {
      keys.push_back(rule.idle ? rule.keys.front() : "");
    }
    return keys;
  };
  EXPECT_THAT(idle("cifar10"),
              ElementsAre("data.image_size", "data.crop_size", "data.on_error", ""));
  EXPECT_THAT(idle("image_folder"), ElementsAre("", "data.crop_size", "", ""));
  EXPECT_THAT(idle("imagenet"), ElementsAre("data.image_size", "", "", ""));
  EXPECT_TRUE(idle_image_settings({.workers = 0}).back().idle);
}

}  // namespace
}  // namespace darts
