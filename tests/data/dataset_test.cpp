#include "fixtures.hpp"

#include <darts/data/dataset.hpp>

#include <set>

namespace darts {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(DatasetTable, NamesEverySetOnce) {
  std::set<std::string_view> names;
  for (const DatasetEntry& entry : dataset_table()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.help.empty()) << entry.name;
    EXPECT_NE(entry.load == nullptr, entry.open == nullptr) << entry.name;
  }
  EXPECT_EQ(names.count(DatasetOptions{}.name), 1U);
}

TEST(LoadDataset, ListsTheNamesForAnUnknownOne) {
  std::string known;
  for (const DatasetEntry& entry : dataset_table()) {
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  EXPECT_EQ(test::error_of([] { load_dataset({.name = "cifar11"}, Split::train); }),
            "unknown data set 'cifar11'; there are " + known);
}

TEST(LoadDataset, RefusesWhatDoesNotFitIntoMemory) {
  EXPECT_THAT(test::error_of([] { load_dataset({.name = "imagenet"}, Split::train); }),
              HasSubstr("imagenet does not fit into memory"));
}

TEST(LoadDataset, ChecksTheStatisticsThatItIsGiven) {
  const test::TempFolder folder;
  test::write_file(folder.path() / "train-images-idx3-ubyte",
                   test::idx({1, 28, 28}, std::string(784, '\x05')));
  test::write_file(folder.path() / "train-labels-idx1-ubyte", test::idx({1}, "\x03"));
  DatasetOptions options{.root = folder.path()};
  options.statistics = PixelStatistics{{0.1}, {0.2}};
  const ImageSet set = load_dataset(options, Split::train);
  EXPECT_EQ(set.mean, std::vector{0.1});
  EXPECT_EQ(set.stddev, std::vector{0.2});
  options.statistics = PixelStatistics{{0.1, 0.1, 0.1}, {0.2, 0.2, 0.2}};
  EXPECT_THAT(test::error_of([&] { load_dataset(options, Split::train); }),
              AllOf(HasSubstr("1 channels"), HasSubstr("3 means")));
}

}  // namespace
}  // namespace darts
