#include "fixtures.hpp"

#include <darts/data/image_set_source.hpp>
#include <darts/data/split.hpp>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

namespace darts {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

std::vector<std::int64_t> first_indices(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

/// Images of these classes' sizes, one class after the other.
ImageSet class_by_class(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> labels;
  ImageSet set;
  set.by_class = true;
  for (std::size_t label = 0; label < sizes.size(); ++label) {
    labels.insert(labels.end(), static_cast<std::size_t>(sizes[label]),
                  static_cast<std::int64_t>(label));
    set.class_names.push_back(std::to_string(label));
  }
  set.labels = at::tensor(labels, at::kLong);
  set.images = at::zeros({set.labels.numel(), 1, 1, 1}, at::kByte);
  return set;
}

TEST(SplitIndices, TakesTheFirstPartInOrder) {
  const IndexSplit split = split_indices({4, 1, 9, 6, 5, 0, 2}, 0.5);  // ⌊3.5⌋
  EXPECT_THAT(split.first, ElementsAre(4, 1, 9));
  EXPECT_THAT(split.rest, ElementsAre(6, 5, 0, 2));
}

TEST(SplitIndices, GoesToBothEnds) {
  EXPECT_THAT(split_indices({0, 1}, 1.0).rest, IsEmpty());
  EXPECT_THAT(split_indices({0, 1}, 0.0).first, IsEmpty());
  EXPECT_EQ(split_indices(first_indices(50'000), 0.5).first.size(), 25'000U);
}

TEST(SplitIndices, RefusesAPortionOutOfRange) {
  EXPECT_THAT(test::error_of([] { split_indices({0, 1}, 1.5); }), HasSubstr("must lie in [0, 1]"));
  EXPECT_NE(test::error_of([] { split_indices({0, 1}, std::nan("")); }), "");
}

TEST(PartOrder, IsFileOrderWhereTheFilesMixTheClasses) {
  ImageSet set = class_by_class({3, 2});
  set.by_class = false;
  EXPECT_EQ(part_order(set), first_indices(5));
}

TEST(PartOrder, GivesEveryPartTheClassesInTheirShares) {
  const std::vector<std::int64_t> sizes{40, 10, 25, 1};
  const ImageSet set = class_by_class(sizes);
  const std::vector<std::int64_t> order = part_order(set);
  EXPECT_THAT(order, UnorderedElementsAreArray(first_indices(set.size())));
  std::vector<double> seen(sizes.size());
  for (std::size_t count = 1; count <= order.size(); ++count) {
    const auto label_at = set.labels[order[count - 1]].item<std::int64_t>();
    ++seen[static_cast<std::size_t>(label_at)];
    const double share = static_cast<double>(count) / static_cast<double>(order.size());
    for (std::size_t label = 0; label < sizes.size(); ++label) {
      EXPECT_NEAR(seen[label], share * static_cast<double>(sizes[label]), 1.5)
          << "class " << label << " in the first " << count;
    }
  }
}

TEST(PartOrder, IsTheSameOfASource) {
  auto set = std::make_shared<ImageSet>(class_by_class({7, 3, 12}));
  set->mean = set->stddev = {1.0};
  EXPECT_EQ(part_order(ImageSetSource(set, Augmentation::none())), part_order(*set));
  set->by_class = false;
  EXPECT_EQ(part_order(ImageSetSource(set, Augmentation::none())), first_indices(22));
}

TEST(PartOrder, ShufflesTheImagesOfAClassAlwaysAlike) {
  const std::vector<std::int64_t> order = part_order(class_by_class({50, 50}));
  EXPECT_FALSE(std::ranges::is_sorted(order, {}, [](std::int64_t i) { return i % 50; }));
  EXPECT_EQ(order, part_order(class_by_class({50, 50})));
}

}  // namespace
}  // namespace darts
