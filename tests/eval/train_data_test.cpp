#include "data/fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/eval/train_data.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Pair;

/// A data set of files, and the name of the folder with its test images.
struct FileSet {
  std::string name;
  std::string test_folder;
};

/// A training on 8 pictures of the class `few` and 12 of `many`, one class after the other: held in
/// memory or decoded as they are read.
class TrainDataOfFiles : public ::testing::TestWithParam<FileSet> {
 protected:
  TrainDataOfFiles() {
    put("train/few", 8);
    put("train/many", 12);
    put(GetParam().test_folder + "/few", 3);
    put(GetParam().test_folder + "/many", 2);
    config_.data.set = {.name = GetParam().name, .root = root_.path(), .image_size = 8};
    config_.data.photos.crop_size = config_.data.photos.resize_size = 8;
    config_.data.workers = 0;
    config_.train.batch_size = 4;
  }

  void put(const std::string& place, int count) const {
    const fs::path folder = root_.path() / place;
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i) {
      fs::copy_file(testing::test_data_folder() / "images/grey.jpg",
                    folder / (std::to_string(i) + ".JPEG"));
    }
  }

  /// How often an epoch has each label.
  std::map<std::int64_t, int> labels() const {
    TrainData data(config_, c10::Device(c10::kCPU), Log::silent());
    EXPECT_EQ(data.test_images(), 5);
    std::map<std::int64_t, int> counts;
    data.start_epoch(0);
    while (const auto batch = data.next()) {
      for (std::int64_t i = 0; i < batch->labels.numel(); ++i) {
        ++counts[batch->labels[i].item<std::int64_t>()];
      }
    }
    return counts;
  }

  test::TempFolder root_;
  TrainConfig config_;
};

TEST_P(TrainDataOfFiles, IsTestedOnImagesKeptForSelectionAndTrainedOnTheOthers) {
  fs::remove_all(root_.path() / GetParam().test_folder);  // of which nothing is read
  config_.data.hold_out = 5;
  TrainData data(config_, c10::Device(c10::kCPU), Log::silent());
  EXPECT_TRUE(data.holds_out());
  EXPECT_EQ(data.train_images(), 15);
  EXPECT_EQ(data.test_images(), 5);
  std::map<std::int64_t, int> counts;
  data.test_loader().start(0);
  while (const auto batch = data.test_loader().next()) {
    for (std::int64_t i = 0; i < batch->labels.numel(); ++i) {
      ++counts[batch->labels[i].item<std::int64_t>()];
    }
  }
  EXPECT_THAT(counts, ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_EQ(data.images().splits.count("test"), 0U);
}

TEST_P(TrainDataOfFiles, HasEveryImageOnceAnEpoch) {
  EXPECT_THAT(labels(), ElementsAre(Pair(0, 8), Pair(1, 12)));
  config_.data.limit = 30;
  EXPECT_THAT(labels(), ElementsAre(Pair(0, 8), Pair(1, 12)));
}

TEST_P(TrainDataOfFiles, HasEveryClassInAPartOfIt) {
  config_.data.limit = 10;
  EXPECT_THAT(labels(), ElementsAre(Pair(0, 4), Pair(1, 6)));
}

TEST_P(TrainDataOfFiles, OneImageIsTooFew) {
  config_.data.limit = 1;
  EXPECT_EQ(test::error_of([&] { labels(); }),
            "data.limit: 1 image to train on, and batch norm needs at least 2");
  config_.data.limit = 2;
  EXPECT_EQ(labels().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(, TrainDataOfFiles,
                         ::testing::Values(FileSet{"image_folder", "test"},
                                           FileSet{"imagenet", "val"}),
                         [](const auto& set) { return set.param.name; });

}  // namespace
}  // namespace darts
