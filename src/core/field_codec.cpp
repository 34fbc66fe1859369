#include "field_codec.hpp"

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace darts {
namespace {

using Kind = RawValue::Kind;

std::string one_of_text(const std::vector<std::string>& names) {
  return names.empty() ? "" : "one of " + join(names);
}

/// "; did you mean x?", or nothing.
std::string suggestion(const std::vector<std::string>& names, const std::string& got) {
  const auto near = nearest(got, names);
  return near ? "; did you mean " + *near + "?" : "";
}

[[noreturn]] void not_one_of(const std::vector<std::string>& names, const RawValue& got) {
  throw Error("must be " + one_of_text(names) + ", got " + got.described() +
              suggestion(names, got.text));
}

class TextCodec final : public FieldCodec {
 public:
  TextCodec(std::string& field, OneOf names) : field_(field), names_(std::move(names.names)) {}

  void parse(const RawValue& value) override {
    if (value.kind != Kind::text) {
      throw Error("expected a text, got " + value.described());
    }
    if (!names_.empty() && std::count(names_.begin(), names_.end(), value.text) == 0) {
      not_one_of(names_, value);
    }
    field_ = value.text;
  }
  std::string yaml() const override { return yaml_text(field_); }
  std::string type() const override { return names_.empty() ? "text" : "choice"; }
  std::string range() const override { return one_of_text(names_); }
  Syntax syntax() const override { return Syntax::plain; }

 private:
  std::string& field_;
  std::vector<std::string> names_;
};

class PathCodec final : public FieldCodec {
 public:
  explicit PathCodec(std::filesystem::path& field) : field_(field) {}

  void parse(const RawValue& value) override {
    if (value.kind != Kind::text) {
      throw Error("expected a path, got " + value.described());
    }
    field_ = value.text;
  }
  std::string yaml() const override { return yaml_text(field_.string()); }
  std::string type() const override { return "path"; }
  Syntax syntax() const override { return Syntax::plain; }

 private:
  std::filesystem::path& field_;
};

class ListCodec final : public FieldCodec {
 public:
  ListCodec(std::vector<std::string>& field, EachOf names)
      : field_(field), names_(std::move(names.names)) {}

  void parse(const RawValue& value) override {
    if (value.kind != Kind::list) {
      throw Error("expected a list, got " + value.described());
    }
    std::vector<std::string> list;
    for (const RawValue& item : value.items) {
      if (item.kind != Kind::text) {
        throw Error("expected a list of texts, got " + item.described() + " in it");
      }
      check(item, list);
      list.push_back(item.text);
    }
    if (!names_.empty() && list.empty()) {
      throw Error("must not be empty; choose from " + join(names_));
    }
    field_ = std::move(list);
  }
  std::string yaml() const override {
    std::vector<std::string> items;
    std::transform(field_.begin(), field_.end(), std::back_inserter(items), yaml_text);
    return "[" + join(items) + "]";
  }
  std::string type() const override { return "list"; }
  std::string range() const override { return names_.empty() ? "" : "each " + one_of_text(names_); }
  Syntax syntax() const override { return Syntax::list; }

 private:
  /// Checks one more item of a selection.
  void check(const RawValue& item, const std::vector<std::string>& before) const {
    if (names_.empty()) {
      return;
    }
    if (std::count(names_.begin(), names_.end(), item.text) == 0) {
      throw Error("each must be " + one_of_text(names_) + ", got " + item.described() +
                  suggestion(names_, item.text));
    }
    if (std::count(before.begin(), before.end(), item.text) > 0) {
      throw Error("names " + item.described() + " twice");
    }
  }

  std::vector<std::string>& field_;
  std::vector<std::string> names_;
};

class ChoiceCodec final : public FieldCodec {
 public:
  ChoiceCodec(std::vector<std::string> names, std::function<std::size_t()> get,
              std::function<void(std::size_t)> set)
      : names_(std::move(names)), get_(std::move(get)), set_(std::move(set)) {}

  void parse(const RawValue& value) override {
    const auto found = std::find(names_.begin(), names_.end(), value.text);
    if (value.kind != Kind::text || found == names_.end()) {
      not_one_of(names_, value);
    }
    set_(static_cast<std::size_t>(found - names_.begin()));
  }
  std::string yaml() const override {
    const std::size_t index = get_();
    if (index >= names_.size()) {
      throw std::logic_error("a choice field holds a value that is not " + range());
    }
    return yaml_text(names_[index]);
  }
  std::string type() const override { return "choice"; }
  std::string range() const override { return one_of_text(names_); }

 private:
  std::vector<std::string> names_;
  std::function<std::size_t()> get_;
  std::function<void(std::size_t)> set_;
};

/// Words that YAML 1.1 or 1.2 reads as something else than a text, in lower case.
constexpr std::array<std::string_view, 11> reserved{"true", "false", "yes",  "no",  "on", "off",
                                                    "y",    "n",     "null", "nan", "inf"};

bool is_plain(const std::string& text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
  };
  const auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), inner) &&
         std::find(reserved.begin(), reserved.end(), lower) == reserved.end();
}

std::string escaped(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    return {'\\', c};
  }
  if (byte < 0x20 || byte == 0x7F) {
    return {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
  }
  return {c};
}

}  // namespace

std::string RawValue::described() const {
  switch (kind) {
    case Kind::nothing:
      return "nothing";
    case Kind::list:
      return "a list";
    case Kind::section:
      return "a section";
    case Kind::text:
      break;
  }
  return in_quotes(text);
}

std::string yaml_text(const std::string& text) {
  if (is_plain(text)) {
    return text;
  }
  std::string yaml = "\"";
  for (const char c : text) {
    yaml += escaped(c);
  }
  return yaml + "\"";
}

std::unique_ptr<FieldCodec> make_text_codec(std::string& field, OneOf names) {
  return std::make_unique<TextCodec>(field, std::move(names));
}

std::unique_ptr<FieldCodec> make_path_codec(std::filesystem::path& field) {
  return std::make_unique<PathCodec>(field);
}

std::unique_ptr<FieldCodec> make_list_codec(std::vector<std::string>& field, EachOf names) {
  return std::make_unique<ListCodec>(field, std::move(names));
}

std::unique_ptr<FieldCodec> make_choice_codec(std::vector<std::string> names,
                                              std::function<std::size_t()> get,
                                              std::function<void(std::size_t)> set) {
  return std::make_unique<ChoiceCodec>(std::move(names), std::move(get), std::move(set));
}

}  // namespace darts
