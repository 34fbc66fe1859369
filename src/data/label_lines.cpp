#include "label_lines.hpp"

#include <darts/core/atomic_file.hpp>

#include <algorithm>

namespace darts::detail {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return std::string(text.substr(0, text.find_last_not_of(blanks) + 1));
}

std::vector<std::string> tab_fields(std::string_view line) {
  std::vector<std::string> fields;
  for (;;) {
    const std::size_t end = std::min(line.find('\t'), line.size());
    fields.push_back(trimmed(line.substr(0, end)));
    if (end == line.size()) {
      return fields;
    }
    line.remove_prefix(end + 1);
  }
}

std::vector<std::string> fields_of(const std::string& text) {
  if (text.find(',') != std::string::npos) {
    return csv_fields(text);
  }
  return text.find('\t') != std::string::npos ? tab_fields(text) : std::vector<std::string>{};
}

bool is_header(const LabelLine& line) {
  return line.fields.empty() ? line.text == "ImageId" : line.fields.front() == "ImageId";
}

}  // namespace

std::vector<std::string> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[i++];
    } else if (c == '"' && (quoted || trimmed(fields.back()).empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  std::ranges::transform(fields, fields.begin(), trimmed);
  return fields;
}

LabelLines read_label_lines(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  std::string_view rest = text;
  LabelLines result{file, {}, false};
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    LabelLine line{number, trimmed(rest.substr(0, end)), {}};
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line.fields = fields_of(line.text);
    if (is_header(line)) {
      result.boxes_follow = line.fields.size() > 1 && line.fields[1] == "PredictionString";
    } else if (!line.text.empty()) {
      result.lines.push_back(std::move(line));
    }
  }
  return result;
}

}  // namespace darts::detail
