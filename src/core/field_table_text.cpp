#include "field_table_rows.hpp"

#include <darts/core/field_table.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

// What a FieldTable writes: config.yaml, --help-config and the reference page.

namespace darts {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.append(width - std::min(columns(text), width), ' ');
  return text;
}

/// `text` wrapped between words, with `indent` spaces before every line; ends with a newline.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string lines;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (used > 0 && used + 1 + columns(word) <= width) {
      lines += " " + word;
      used += 1 + columns(word);
    } else {
      lines += (used > 0 ? "\n" : "") + std::string(indent, ' ') + word;
      used = indent + columns(word);
    }
    at = end + 1;
  }
  return lines + "\n";
}

/// Text for a cell of a Markdown table, `special` characters escaped.
std::string cell(const std::string& text, std::string_view special = "|<*_") {
  std::string escaped;
  for (const char c : one_line(text)) {
    escaped += special.find(c) != std::string_view::npos ? "\\" : "";
    escaped += c;
  }
  return escaped;
}

/// A code span: nothing is special in it but the table's bar.
std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + cell(text, "|") + "`";
}

}  // namespace

void FieldTable::dump_section(std::string_view prefix, std::string& text) const {
  const auto depth = static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '.'));
  const std::string indent(2 * depth, ' ');
  std::set<std::string> written;
  for (const Field& field : fields_) {
    if (!field.key.starts_with(prefix)) {
      continue;
    }
    const std::string rest = field.key.substr(prefix.size());
    const std::size_t dot = rest.find('.');
    const std::string word = rest.substr(0, dot);
    if (dot == std::string::npos) {
      text += indent + word + ": " + field.codec->yaml() + "\n";
    } else if (written.insert(word).second) {
      text += indent + word + ":\n";
      dump_section(std::string(prefix) + word + ".", text);
    }
  }
}

std::string FieldTable::dump() const {
  std::string text;
  dump_section("", text);
  return text;
}

std::string FieldTable::value(std::string_view key) const {
  const Field* field = find(key);
  if (field == nullptr) {
    throw std::logic_error("no field " + std::string(key));
  }
  return field->codec->yaml();
}

std::vector<std::vector<const FieldTable::Field*>> FieldTable::grouped() const {
  // Group 0 is for keys that no described section holds, group i + 1 for section i.
  std::vector<std::vector<const Field*>> groups(sections_.size() + 1);
  for (const Field& field : fields_) {
    std::size_t group = 0;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const std::string& name = sections_[i].name;
      const bool holds = name.empty() || field.key.starts_with(name + ".");
      if (holds && (group == 0 || name.size() > longest)) {
        group = i + 1;
        longest = name.size();
      }
    }
    groups[group].push_back(&field);
  }
  return groups;
}

std::string FieldTable::help() const {
  constexpr std::size_t width = 100;
  std::size_t key_width = 0;
  std::size_t type_width = 0;
  for (const Field& field : fields_) {
    key_width = std::max(key_width, field.key.size());
    type_width = std::max(type_width, field.codec->type().size());
  }
  const auto groups = grouped();
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].empty()) {
      continue;
    }
    text += text.empty() ? "" : "\n";
    if (i > 0) {
      const Section& section = sections_[i - 1];
      text += wrapped((section.name.empty() ? "" : section.name + ": ") + section.help, 0, width);
    }
    for (const Field* field : groups[i]) {
      const std::string range = field->codec->range();
      const std::size_t column = 2 + key_width + 2;
      // The type's column is not part of the text that is wrapped: it would lose its padding.
      std::string value = wrapped(field->initial, column + type_width + 2, width);
      value.erase(0, column + type_width + 2);
      text += "  " + padded(field->key, key_width) + "  " +
              padded(field->codec->type(), type_width) + "  " + value;
      text += wrapped(field->help + (range.empty() ? "" : " (" + range + ")"), column, width);
    }
  }
  return text;
}

std::string FieldTable::reference_markdown(int level) const {
  const auto groups = grouped();
  std::string text;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].empty()) {
      continue;
    }
    text += text.empty() ? "" : "\n";
    if (i > 0) {
      const Section& section = sections_[i - 1];
      if (!section.name.empty()) {
        text += std::string(static_cast<std::size_t>(std::max(level, 1)), '#') + " `" +
                section.name + "`\n\n";
      }
      text += section.help + "\n\n";
    }
    text += "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
    for (const Field* field : groups[i]) {
      text += "| " + code(field->key) + " | " + field->codec->type() + " | " +
              code(field->initial) + " | " + cell(field->codec->range()) + " | " +
              cell(field->help) + " |\n";
    }
  }
  return text;
}

}  // namespace darts
