#include "imagenet_layout.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>

namespace darts::detail {
namespace {

namespace fs = std::filesystem;

/// A line of the labels file.
struct Line {
  std::int64_t number = 0;
  std::string image;  // without extension; empty: only the class is given
  std::string label;
};

std::string stem(std::string_view name) { return fs::path(name).stem().string(); }

std::vector<std::string> fields_of(std::string_view line) {
  constexpr std::string_view separators = " \t\r,";
  std::vector<std::string> fields;
  while (fields.size() < 2) {
    line.remove_prefix(std::min(line.find_first_not_of(separators), line.size()));
    if (line.empty()) {
      break;
    }
    const std::size_t end = std::min(line.find_first_of(separators), line.size());
    fields.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return fields;
}

std::vector<Line> lines_of(const fs::path& file) {
  const std::string text = read_file(file);
  std::vector<Line> lines;
  std::int64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::vector<std::string> fields = fields_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (!fields.empty() && fields[0] != "ImageId") {
      lines.push_back(
          {number, fields.size() == 2 ? stem(fields[0]) : "", fields[fields.size() - 1]});
    }
  }
  return lines;
}

bool is_number(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

[[noreturn]] void fail(const fs::path& file, const Line& line, const std::string& problem) {
  throw Error(file.string() + ", line " + std::to_string(line.number) + ": " + problem);
}

std::int32_t class_of(const Line& line, const ImagenetLayout& layout) {
  const auto& names = layout.class_names;
  if (is_number(line.label)) {
    std::size_t place = names.size();
    std::from_chars(line.label.data(), line.label.data() + line.label.size(), place);
    if (place >= names.size()) {
      fail(layout.labels, line,
           "the class " + line.label + " is not in [0, " + std::to_string(names.size()) +
               "), the places of the sorted class names (the numbers of ImageNet's own "
               "ILSVRC2012_validation_ground_truth.txt are others)");
    }
    return static_cast<std::int32_t>(place);
  }
  const auto found = std::lower_bound(names.begin(), names.end(), line.label);
  if (found == names.end() || *found != line.label) {
    fail(layout.labels, line,
         "the class " + line.label + " has no train images: there is no " +
             (layout.train / line.label).string());
  }
  return static_cast<std::int32_t>(found - names.begin());
}

void name_classes(ImagenetLayout& layout, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    if (is_number(line.label)) {
      fail(layout.labels, line,
           "there is no " + layout.train.string() + " to say which class has the number " +
               line.label);
    }
    layout.class_names.push_back(line.label);
  }
  auto& names = layout.class_names;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

std::vector<std::int32_t> read_labels(ImagenetLayout& layout,
                                      const std::vector<std::string>& files) {
  const std::vector<Line> lines = lines_of(layout.labels);
  if (layout.class_names.empty()) {
    name_classes(layout, lines);
  }
  const bool named = !lines.empty() && !lines.front().image.empty();
  if (!named && lines.size() != files.size()) {
    throw Error(layout.labels.string() + " has " + std::to_string(lines.size()) +
                " labels for the " + std::to_string(files.size()) + " images in " +
                layout.folder.string());
  }
  std::unordered_map<std::string, std::int32_t> by_image;
  std::vector<std::int32_t> labels;
  for (const Line& line : lines) {
    if (line.image.empty() == named) {
      fail(layout.labels, line, "lines have to have an image and a class, or all a class alone");
    }
    const std::int32_t label = class_of(line, layout);
    if (named) {
      by_image[line.image] = label;
    } else {
      labels.push_back(label);
    }
  }
  for (std::size_t i = labels.size(); i < files.size(); ++i) {
    const auto found = by_image.find(stem(files[i]));
    if (found == by_image.end()) {
      throw Error(layout.labels.string() + " has no label for " +
                  (layout.folder / files[i]).string());
    }
    labels.push_back(found->second);
  }
  return labels;
}

}  // namespace darts::detail
