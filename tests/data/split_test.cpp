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
ImageSetSource class_by_class(const std::vector<std::int64_t>& sizes, bool by_class = true) {
  std::vector<std::int64_t> labels;
  ImageSet set;
  set.mean = set.stddev = {1.0};
  set.by_class = by_class;
  for (std::size_t label = 0; label < sizes.size(); ++label) {
    labels.insert(labels.end(), static_cast<std::size_t>(sizes[label]),
                  static_cast<std::int64_t>(label));
    set.class_names.push_back(std::to_string(label));
  }
  set.labels = at::tensor(labels, at::kLong);
  set.images = at::zeros({set.labels.numel(), 1, 1, 1}, at::kByte);
  return {std::make_shared<const ImageSet>(set), Augmentation::none()};
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
  EXPECT_EQ(part_order(class_by_class({3, 2}, false)), first_indices(5));
}

TEST(PartOrder, GivesEveryPartTheClassesInTheirShares) {
  const std::vector<std::int64_t> sizes{40, 10, 25, 1};
  const ImageSetSource set = class_by_class(sizes);
  const std::vector<std::int64_t> order = part_order(set);
  EXPECT_THAT(order, UnorderedElementsAreArray(first_indices(set.size())));
  std::vector<double> seen(sizes.size());
  for (std::size_t count = 1; count <= order.size(); ++count) {
    ++seen[static_cast<std::size_t>(set.label(order[count - 1]))];
    const double share = static_cast<double>(count) / static_cast<double>(order.size());
    for (std::size_t label = 0; label < sizes.size(); ++label) {
      EXPECT_NEAR(seen[label], share * static_cast<double>(sizes[label]), 1.5)
          << "class " << label << " in the first " << count;
    }
  }
}

TEST(PartOrder, ShufflesTheImagesOfAClassAlwaysAlike) {
  const std::vector<std::int64_t> order = part_order(class_by_class({50, 50}));
  EXPECT_FALSE(std::ranges::is_sorted(order, {}, [](std::int64_t i) { return i % 50; }));
  EXPECT_EQ(order, part_order(class_by_class({50, 50})));
}

std::vector<int> of_each_class(const ImageSource& source, const std::vector<std::int64_t>& part) {
  std::vector<int> counts(static_cast<std::size_t>(source.classes()));
  for (const std::int64_t index : part) {
    ++counts[static_cast<std::size_t>(source.label(index))];
  }
  return counts;
}

TEST(SplitClasses, TakesItsPartOfEveryClass) {
  for (const bool by_class : {true, false}) {
    const ImageSetSource source = class_by_class({100, 40, 7, 1}, by_class);
    const IndexSplit parts = split_classes(source, 0.29, 0.1, 1);
    EXPECT_THAT(of_each_class(source, parts.first), ElementsAre(29, 11, 2, 1));
    EXPECT_THAT(of_each_class(source, parts.rest), ElementsAre(10, 4, 1, 0));
    std::vector<std::int64_t> all = parts.first;
    all.insert(all.end(), parts.rest.begin(), parts.rest.end());
    EXPECT_TRUE(std::ranges::is_sorted(parts.first));
    EXPECT_TRUE(std::ranges::is_sorted(parts.rest));
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end()) << "an image in both parts";
  }
}

TEST(SplitClasses, IsDrawnByTheSeed) {
  const ImageSetSource source = class_by_class({50, 50});
  const IndexSplit one = split_classes(source, 0.1, 0.025, 1);
  EXPECT_EQ(split_classes(source, 0.1, 0.025, 1).first, one.first);
  EXPECT_NE(split_classes(source, 0.1, 0.025, 2).first, one.first);
  EXPECT_EQ(split_classes(source, 0.5, 0.5, 1).first.size(), 50U);
}

TEST(HeldOutPart, SharesNoImageWithWhatIsLeft) {
  for (const bool by_class : {true, false}) {
    const ImageSetSource source = class_by_class({20, 10, 6}, by_class);
    const std::vector<std::int64_t> held_out = held_out_part(source, 9);
    EXPECT_EQ(held_out.size(), 9U);
    EXPECT_TRUE(std::ranges::is_sorted(held_out));
    std::vector<std::int64_t> all = part_of(source, 0, 9);
    EXPECT_TRUE(std::ranges::is_sorted(all));
    all.insert(all.end(), held_out.begin(), held_out.end());
    EXPECT_THAT(all, UnorderedElementsAreArray(first_indices(36)));
  }
}

TEST(HeldOutPart, HasTheLastImagesWhereTheFilesMixTheClasses) {
  EXPECT_THAT(held_out_part(class_by_class({3, 2}, false), 2), ElementsAre(3, 4));
  EXPECT_THAT(part_order(class_by_class({3, 2}, false), 2), ElementsAre(0, 1, 2));
  EXPECT_THAT(held_out_part(class_by_class({3, 2}, false), 0), IsEmpty());
}

TEST(HeldOutPart, HasEveryClassInItsShareWhereTheyStandOneAfterTheOther) {
  const ImageSetSource source = class_by_class({200, 100, 60});
  const std::vector<int> counts = of_each_class(source, held_out_part(source, 90));
  EXPECT_THAT(counts, ElementsAre(::testing::AllOf(::testing::Ge(49), ::testing::Le(51)),
                                  ::testing::AllOf(::testing::Ge(24), ::testing::Le(26)),
                                  ::testing::AllOf(::testing::Ge(14), ::testing::Le(16))));
}

TEST(HeldOutPart, DoesNotMoveWhatALimitTakes) {
  const ImageSetSource source = class_by_class({20, 10, 6});
  EXPECT_EQ(part_of(source, 8, 9), part_of(source, 8));
  EXPECT_EQ(part_of(source, 30, 9), part_of(source, 0, 9));  // a limit beyond what is left
}

TEST(HeldOutPart, IsNotTakenByPartsOfClasses) {
  const ImageSetSource source = class_by_class({20, 10, 6});
  const std::vector<std::int64_t> held_out = held_out_part(source, 9);
  const IndexSplit parts = split_classes(source, 0.5, 0.5, 3, 9);
  EXPECT_EQ(parts.first.size() + parts.rest.size(), 26U);  // of 27, ⌊n / 2⌋ twice a class
  for (const auto& part : {parts.first, parts.rest}) {
    for (const std::int64_t image : part) {
      EXPECT_FALSE(std::ranges::binary_search(held_out, image)) << image;
    }
  }
}

TEST(HeldOutPart, IsNeverAllThatThereIs) {
  const ImageSetSource source = class_by_class({4, 5});
  EXPECT_EQ(part_order(source, 8).size(), 1U);
  EXPECT_THAT(test::error_of([&] { part_order(source, 9); }),
              ::testing::AllOf(HasSubstr("data.hold_out: 9"), HasSubstr("there are 9")));
  EXPECT_NE(test::error_of([&] { held_out_part(source, 10); }), "");
}

TEST(SplitClasses, RefusesPortionsOutOfRange) {
  const ImageSetSource source = class_by_class({4});
  EXPECT_THAT(test::error_of([&] { split_classes(source, 0.8, 0.3, 0); }), HasSubstr("0.8"));
  EXPECT_NE(test::error_of([&] { split_classes(source, 0.0, 0.3, 0); }), "");
  EXPECT_NE(test::error_of([&] { split_classes(source, 0.3, std::nan(""), 0); }), "");
}

}  // namespace
}  // namespace darts
