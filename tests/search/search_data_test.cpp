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

/// A search on an image folder of 8 pictures in `few` and 12 in `many`.
class SearchDataOfAFolder : public ::testing::Test {
 protected:
  SearchDataOfAFolder() {
    put("few", 8);
    put("many", 12);
    config_.data.set = {.name = "image_folder", .root = root_.path(), .image_size = 8};
    config_.data.workers = 0;
    config_.search.batch_size = 4;
  }

  void put(const std::string& name, int count) const {
    const fs::path folder = root_.path() / "train" / name;
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i) {
      fs::copy_file(testing::test_data_folder() / "images/grey.jpg",
                    folder / (std::to_string(i) + ".jpg"));
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

TEST_F(SearchDataOfAFolder, HasEveryClassOnBothSides) {
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 4), Pair(1, 6)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 4), Pair(1, 6)));
}

TEST_F(SearchDataOfAFolder, HasEveryClassInAPartOfIt) {
  config_.data.limit = 10;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 2), Pair(1, 3)));
}

TEST_F(SearchDataOfAFolder, GivesTheJointMethodAllImages) {
  config_.search.order = SearchOrder::joint;
  const auto [train, valid] = labels();
  EXPECT_THAT(train, ElementsAre(Pair(0, 8), Pair(1, 12)));
  EXPECT_THAT(valid, ElementsAre(Pair(0, 4), Pair(1, 6)));
}

}  // namespace
}  // namespace darts
