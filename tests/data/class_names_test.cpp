#include "fixtures.hpp"

#include <darts/data/class_names.hpp>
#include <darts/data/image_set_source.hpp>

#include <ATen/ops/tensor.h>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Five images that show the classes 0, 1, 2, 0, 1 of `names`.
std::shared_ptr<const ImageSource> images_of(std::vector<std::string> names) {
  auto set = test::made_up_images(5, 2, 2, 3);
  set->labels = at::tensor({0, 1, 2, 0, 1}, at::kLong);
  set->class_names = std::move(names);
  return std::make_shared<const ImageSetSource>(set, Augmentation::none());
}

std::vector<std::int64_t> labels_of(const ImageSource& source) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    labels.push_back(source.label(i));
  }
  return labels;
}

TEST(ClassNames, LabelsFollowTheNames) {
  const std::vector<std::string> known{"ant", "bee", "cat", "dog"};
  const auto images = labelled_by(images_of({"dog", "ant", "cat"}), known);
  EXPECT_THAT(labels_of(*images), ElementsAre(3, 0, 2, 3, 0));
  EXPECT_EQ(images->class_names(), known);
  EXPECT_THAT(labels_of(*images->unaugmented()), ElementsAre(3, 0, 2, 3, 0));
  const auto same = images_of(known);
  EXPECT_EQ(labelled_by(same, known), same);
}

TEST(ClassNames, AStrangerIsNamed) {
  const auto error = [](const std::vector<std::string>& names) {
    return test::error_of([&] { labelled_by(images_of(names), {"ant", "bee", "cat"}); });
  };
  EXPECT_THAT(error({"ant", "wasp", "Bee"}),
              AllOf(HasSubstr("does not know: \"wasp\", \"Bee\";"),
                    HasSubstr("trained on 3: \"ant\", \"bee\", \"cat\"")));
  EXPECT_EQ(error({"ant", "bee", "cat", "wasp"}), "");  // of which there is no image
}

TEST(ClassNames, TheFirstFew) {
  EXPECT_EQ(first_few({"a", "b", "c"}), "\"a\", \"b\", \"c\"");
  EXPECT_EQ(first_few({"a", "b", "c", "d", "e"}), "\"a\", \"b\", \"c\" and 2 more");
}

}  // namespace
}  // namespace darts
