#include "image_names.hpp"
#include "imagenet_layout.hpp"
#include "label_lines.hpp"

#include <darts/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

/// What a line says: the class alone, or that of an image.
struct Label {
  const LabelLine* line = nullptr;
  std::string image;
  std::string class_text;
};

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

[[noreturn]] void fail(const fs::path& file, const LabelLine& line, const std::string& problem) {
  throw Error(file.string() + ", line " + std::to_string(line.number) + ": " + problem);
}

std::optional<std::int32_t> place_of(const std::vector<std::string>& names,
                                     const std::string& name) {
  const auto found = std::ranges::lower_bound(names, name);
  return found == names.end() || *found != name
             ? std::nullopt
             : std::optional(static_cast<std::int32_t>(found - names.begin()));
}

/// A text equal to a class's name is that class, also where it is a number. Other numbers are
/// places, unless class names are numbers: 1 may then be meant for 001.
std::int32_t class_of(const fs::path& file, const Label& label, const ImagenetLayout& layout) {
  const auto& names = layout.class_names;
  const std::string& text = label.class_text;
  if (const auto place = place_of(names, text)) {
    return *place;
  }
  if (!is_number(text) || std::ranges::any_of(names, is_number)) {
    fail(file, *label.line,
         "the class " + text + " has no train images: there is no " +
             (layout.train / text).string());
  }
  std::size_t place = names.size();
  std::from_chars(text.data(), text.data() + text.size(), place);
  if (place >= names.size()) {
    fail(file, *label.line,
         "the class " + text + " is not in [0, " + std::to_string(names.size()) +
             "), the places of the sorted class names (the numbers of ImageNet's own "
             "ILSVRC2012_validation_ground_truth.txt are others)");
  }
  return static_cast<std::int32_t>(place);
}

/// Whether the line is a class and nothing else.
bool is_class_alone(const LabelLine& line, const std::vector<std::string>& names) {
  if (line.fields.size() > 1) {
    return false;
  }
  return names.empty() ? line.text.find(' ') == std::string::npos
                       : place_of(names, line.text) || line.text.find(' ') == std::string::npos;
}

/// A line of blanks alone: the longest beginning that names an image of the folder, or else its
/// first word, and the rest.
Label split_at_blank(const LabelLine& line, const ImageNames& images) {
  const std::string& text = line.text;
  std::size_t best = text.find(' ');
  for (std::size_t at = best; at != std::string::npos; at = text.find(' ', at + 1)) {
    best = images.has(text.substr(0, at)) ? at : best;
  }
  const std::size_t rest = text.find_first_not_of(' ', best);
  return {&line, text.substr(0, best), text.substr(rest)};
}

Label label_of(const LabelLine& line, bool boxes_follow, const ImageNames& images) {
  if (line.fields.size() < 2) {
    return split_at_blank(line, images);
  }
  const std::string& second = line.fields[1];
  return {&line, line.fields[0], boxes_follow ? second.substr(0, second.find(' ')) : second};
}

/// All lines alike; Error at the first that is not.
std::vector<Label> labels_of(const LabelLines& file, const ImageNames& images,
                             const std::vector<std::string>& names, bool& alone) {
  std::vector<Label> labels;
  alone = !file.lines.empty() && is_class_alone(file.lines.front(), names);
  for (const LabelLine& line : file.lines) {
    if (is_class_alone(line, names) != alone) {
      fail(file.file, line, "lines have to have an image and a class, or all a class alone");
    }
    labels.push_back(alone ? Label{&line, "", line.text}
                           : label_of(line, file.boxes_follow, images));
    if (labels.back().class_text.empty()) {
      fail(file.file, line, "there is no class behind the image");
    }
  }
  return labels;
}

std::vector<std::string> names_in(const fs::path& file, const std::vector<Label>& labels,
                                  const fs::path& train) {
  std::vector<std::string> names;
  for (const Label& label : labels) {
    if (is_number(label.class_text)) {
      fail(file, *label.line,
           "there is no " + train.string() + " to say which class has the number " +
               label.class_text);
    }
    names.push_back(label.class_text);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// The class of every image, from lines that name them.
std::vector<std::int32_t> by_image(const fs::path& file, const std::vector<Label>& labels,
                                   const ImagenetLayout& layout, const ImageNames& images) {
  struct Given {
    const Label* by = nullptr;
    std::int32_t label = 0;
  };
  std::vector<Given> given(images.size());
  for (const Label& label : labels) {
    const std::int32_t number = class_of(file, label, layout);
    const ImageNames::Found found = images.find(label.image);
    if (!found.others.empty()) {
      fail(file, *label.line,
           label.image + " may be " + found.others + "; write the whole name of the file");
    }
    if (!found.index) {
      continue;  // of an image that is not here
    }
    Given& before = given[*found.index];
    if (before.by != nullptr && before.label != number) {
      fail(file, *label.line,
           images.name(*found.index) + " is of the class " + label.class_text + ", but line " +
               std::to_string(before.by->line->number) + " says " + before.by->class_text);
    }
    before = {&label, number};
  }
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].by == nullptr) {
      throw Error(file.string() + " has no label for " + (layout.folder / images.name(i)).string());
    }
    result.push_back(given[i].label);
  }
  return result;
}

}  // namespace

std::vector<std::int32_t> read_labels(ImagenetLayout& layout,
                                      const std::vector<std::string>& files) {
  const LabelLines file = read_label_lines(layout.labels);
  const ImageNames images(files);
  bool alone = false;
  const std::vector<Label> labels = labels_of(file, images, layout.class_names, alone);
  if (layout.class_names.empty()) {
    layout.class_names = names_in(layout.labels, labels, layout.train);
  }
  if (!alone) {
    return by_image(layout.labels, labels, layout, images);
  }
  if (labels.size() != files.size()) {
    throw Error(layout.labels.string() + " has " + std::to_string(labels.size()) +
                " labels for the " + std::to_string(files.size()) + " images in " +
                layout.folder.string());
  }
  std::vector<std::int32_t> result;
  result.reserve(labels.size());
  for (const Label& label : labels) {
    result.push_back(class_of(layout.labels, label, layout));
  }
  return result;
}

}  // namespace darts::detail
