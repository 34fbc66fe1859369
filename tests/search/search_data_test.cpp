#include "data/fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/search/search_data.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace darts {
namespace {

namespace fs = std::filesystem;
using Counts = std::map<std::int64_t, int>;
using ::testing::ElementsAre;
using ::testing::Pair;

void count_labels(const Batch& batch, Counts& counts) {
  for (std::int64_t i = 0; i < batch.labels.numel(); ++i) {
    ++counts[batch.labels[i].item<std::int64_t>()];
  }
}

/// A search on 8 pictures of the class `few` and 12 of `many`: held in memory or decoded as they
/// are read.
class SearchDataOfFiles : public ::testing::TestWithParam<const char*> {
 protected:
  SearchDataOfFiles() {
    put("few", 8);
    put("many", 12);
    config_.data.set = {.name = GetParam(), .root = root_.path(), .image_size = 8};
    config_.data.photos.crop_size = config_.data.photos.resize_size = 8;
    config_.data.on_error = OnError::skip;
    config_.data.workers = 0;
    config_.search.batch_size = 4;
  }

  void put(const std::string& name, int count) const {
    const fs::path folder = root_.path() / "train" / name;
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i) {
      fs::copy_file(testing::test_data_folder() / "images/grey.jpg",
                    folder / (std::to_string(i) + ".JPEG"));
    }
  }

  /// Labels of an epoch's batches for w and of a validation.
  std::pair<Counts, Counts> labels() const {
    SearchData data(config_, c10::Device(c10::kCPU));
    Counts train;
    Counts valid;
    data.start_epoch(0);
    while (const auto batches = data.next()) {
      count_labels(batches->train, train);
    }
    data.start_validation();
    while (const auto batch = data.next_validation()) {
      count_labels(*batch, valid);
    }
    return {train, valid};
  }

  test::TempFolder root_;
  SearchConfig config_;
};

TEST_P(SearchDataOfFiles, HasEveryClassOnBothSides) {
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 4), Pair(1, 6)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 4), Pair(1, 6)));
}

TEST_P(SearchDataOfFiles, LeavesWhatIsKeptForSelectionToNeitherSide) {
  config_.data.hold_out = 10;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 2), Pair(1, 3)));
}

TEST_P(SearchDataOfFiles, HasEveryClassInAPartOfIt) {
  config_.data.limit = 10;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 2), Pair(1, 3)));
}

TEST_P(SearchDataOfFiles, TakesAPartOfEveryClass) {
  config_.data.portion_w = 0.5;
  config_.data.portion_alpha = 0.25;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 4), Pair(1, 6)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 2), Pair(1, 3)));
  config_.search.order = SearchOrder::joint;
  EXPECT_THAT(labels().first, ElementsAre(Pair(0, 6), Pair(1, 9)));
}

TEST_P(SearchDataOfFiles, TakesItsHeldOutImagesInPassesOrDrawsThemAnew) {
  const auto sizes = [&] {  // of the batches for alpha in two epochs
    SearchData data(config_, c10::Device(c10::kCPU));
    std::vector<std::int64_t> found;
    for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
      data.start_epoch(epoch);
      while (const auto batches = data.next()) {
        found.push_back(batches->valid.images.size(0));
      }
    }
    return found;
  };
  EXPECT_THAT(sizes(), ElementsAre(4, 4, 2, 4, 4, 2)) << "of ten images, each once";
  config_.search.held_out_batches = HeldOutBatches::drawn;
  EXPECT_THAT(sizes(), ElementsAre(4, 4, 4, 4, 4, 4)) << "the first ones of a new order each";
}

TEST_P(SearchDataOfFiles, GivesTheJointMethodAllImages) {
  config_.search.order = SearchOrder::joint;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 8), Pair(1, 12)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 4), Pair(1, 6)));
}

INSTANTIATE_TEST_SUITE_P(All, SearchDataOfFiles, ::testing::Values("image_folder", "imagenet"),
                         [](const auto& name) { return std::string(name.param); });

class SearchDataOfPhotographs : public SearchDataOfFiles {};

/// Whatever cannot be read, a step's batches depend on its number alone.
TEST_P(SearchDataOfPhotographs, ABatchIsTheSameWhereverTheEpochBegan) {
  for (const char* file : {"few/1", "few/3", "few/4", "few/6", "many/0", "many/2", "many/7"}) {
    test::write_file(root_.path() / "train" / (std::string(file) + ".JPEG"), "");
  }
  config_.search.batch_size = 2;
  config_.data.train_portion = 0.4;  // passes of other lengths than epochs
  std::map<std::int64_t, SearchBatches> whole;
  SearchData data(config_, c10::Device(c10::kCPU));
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    data.start_epoch(epoch);
    while (auto batches = data.next()) {
      whole[10 * epoch + data.next_step()] = *std::move(batches);
    }
  }
  EXPECT_GT(data.skipped(), 0);
  ASSERT_LE(data.steps_per_epoch(), 10);
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t first = 0; first < data.steps_per_epoch(); ++first) {
      SearchData again(config_, c10::Device(c10::kCPU));
      again.start_epoch(epoch, first);
      while (const auto batches = again.next()) {
        const SearchBatches& expected = whole.at(10 * epoch + again.next_step());
        EXPECT_TRUE(batches->train.images.equal(expected.train.images));
        EXPECT_TRUE(batches->valid.images.equal(expected.valid.images));
        EXPECT_TRUE(batches->valid.labels.equal(expected.valid.labels));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SearchDataOfPhotographs, ::testing::Values("imagenet"),
                         [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace darts
