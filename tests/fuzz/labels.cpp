#include "data/imagenet_layout.hpp"
#include "fuzz/input_file.hpp"
#include "fuzz/parsers.hpp"
#include "fuzz/target.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace darts::fuzz {

/// Beside a train/ that says which classes there are, with names or numbers, and without.
void parse_labels(std::string_view bytes) {
  const std::vector<std::string> images{"ILSVRC2012_val_00000001.JPEG",
                                        "ILSVRC2012_val_00000002.JPEG", "a b.png"};
  const std::vector<std::vector<std::string>> trains{
      {}, {"n01440764", "n01443537", "two words"}, {"001", "1", "10"}};
  for (const std::vector<std::string>& train : trains) {
    detail::ImagenetLayout layout{.folder = "val",
                                  .class_names = train,
                                  .folders = {},
                                  .labels = input_file("val_labels.txt", bytes),
                                  .train = "train"};
    std::vector<std::int32_t> labels;
    if (takes([&] { labels = detail::read_labels(layout, images); })) {
      check(labels.size() == images.size(), "images are left without a label");
      check(std::ranges::none_of(layout.class_names, &std::string::empty), "a class has no name");
      for (const std::int32_t label : labels) {
        check(label >= 0 && label < std::ssize(layout.class_names), "a label is no class");
      }
    }
  }
}

}  // namespace darts::fuzz
