#include "field_yaml.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/core/utf8.hpp>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace darts {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_bytes = std::size_t{1} << 20U;

std::string read_whole(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) {
    throw Error(file.string() + ": is a directory; name a YAML file");
  }
  std::string text = read_text(file, most_bytes);
  if (!is_utf8(text)) {  // yaml-cpp would put other characters in place of what is not
    throw Error(file.string() + ": is not UTF-8 text; save it as UTF-8");
  }
  return text;
}

/// Reads a text's events for what yaml-cpp itself does not mind: a comma where a value should be,
/// on which YAML::LoadAll() never ends, a quote that the end of the text closes, further documents.
class Inspector : public YAML::EventHandler {
 public:
  explicit Inspector(const std::string& text) : text_(text) {}

  /// Throws YAML::ParserException where the text is not YAML.
  void run() {
    std::istringstream stream(text_);
    YAML::Parser parser(stream);
    while (starts_.size() < 2 && parser.HandleNextDocument(*this)) {
    }
    if (starts_.size() == 2 && starts_[1].pos == starts_[0].pos) {
      throw YAML::ParserException(starts_[1], "a value begins with a comma");
    }
  }

  /// Where a second document begins.
  std::optional<YAML::Mark> second() const {
    return starts_.size() > 1 ? std::optional(starts_[1]) : std::nullopt;
  }

  void OnDocumentStart(const YAML::Mark& mark) override { starts_.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {
    const auto begin = static_cast<std::size_t>(mark.pos);
    if (begin < text_.size() && (text_[begin] == '"' || text_[begin] == '\'') && !closes(begin)) {
      throw YAML::ParserException(mark, "a quote is not closed");
    }
  }
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

 private:
  bool closes(std::size_t quote) const {
    for (std::size_t i = quote + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && text_[quote] == '"') {
        ++i;
      } else if (text_[i] == text_[quote]) {
        return true;  // also the first of two, which mean one: another one follows
      }
    }
    return false;
  }

  const std::string& text_;
  std::vector<YAML::Mark> starts_;
};

/// How deep lists are read: no field has deeper ones, and an alias can make a list hold itself. How
/// many items in all: a few aliases can name a list a million times.
constexpr int list_levels = 2;
constexpr std::size_t most_items = 10'000;

/// `items`: how many have been read of this value.
RawValue raw_value(const YAML::Node& node, std::size_t& items, int levels) {
  RawValue value;
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      break;
    case YAML::NodeType::Scalar:
      value.kind = RawValue::Kind::text;
      value.text = node.Scalar();
      break;
    case YAML::NodeType::Map:
      value.kind = RawValue::Kind::section;
      break;
    case YAML::NodeType::Sequence:
      value.kind = RawValue::Kind::list;
      for (auto item = node.begin(); levels > 0 && item != node.end(); ++item) {
        if (++items > most_items) {
          throw Error("a list with more than " + std::to_string(most_items) + " items");
        }
        value.items.push_back(raw_value(*item, items, levels - 1));
      }
      break;
  }
  return value;
}

RawValue raw_value(const YAML::Node& node) {
  std::size_t items = 0;
  return raw_value(node, items, list_levels);
}

/// Walks the maps of one file.
class Reader {
 public:
  Reader(const fs::path& file, const std::function<bool(std::string_view)>& is_section)
      : name_(file.string()), is_section_(is_section) {}

  void walk(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      const int line = entry.first.Mark().line + 1;
      if (!entry.first.IsScalar()) {
        throw Error(at(line) + "a key has to be a plain word");
      }
      const std::string key = prefix + entry.first.Scalar();
      const auto [first, is_new] = lines_.emplace(key, line);
      if (!is_new) {
        throw Error(at(line) + one_line(key) + ": given twice, first in line " +
                    std::to_string(first->second));
      }
      fields_.push_back({key, line, value_of(entry.second, line, key)});
      if (entry.second.IsMap() && is_section_(key)) {
        walk(entry.second, key + ".");
      }
    }
  }

  RawValue value_of(const YAML::Node& node, int line, const std::string& key) const {
    return within(at(line) + one_line(key), [&] { return raw_value(node); });
  }

  /// "x.yaml:3: "; a line under 1 is one that yaml-cpp does not know.
  std::string at(int line) const {
    return name_ + (line < 1 ? "" : ":" + std::to_string(line)) + ": ";
  }

  std::vector<RawField> take() { return std::move(fields_); }

 private:
  std::string name_;
  const std::function<bool(std::string_view)>& is_section_;
  std::map<std::string, int> lines_;
  std::vector<RawField> fields_;
};

}  // namespace

std::vector<RawField> read_yaml(const std::string& text, const fs::path& file,
                                const std::function<bool(std::string_view)>& is_section) {
  Reader reader(file, is_section);
  try {
    Inspector inspector(text);
    inspector.run();
    if (const auto second = inspector.second()) {
      throw Error(reader.at(second->line + 1) + "a second YAML document begins; a file holds one");
    }
    if (const YAML::Node document = YAML::Load(text); !document.IsNull()) {
      if (!document.IsMap()) {
        throw Error(reader.at(document.Mark().line + 1) +
                    "expected keys with values (key: value), got " +
                    raw_value(document).described());
      }
      reader.walk(document, "");
    }
  } catch (const YAML::Exception& e) {
    throw Error(reader.at(e.mark.line + 1) + "not valid YAML: " + one_line(e.msg));
  }
  return reader.take();
}

std::vector<RawField> read_yaml_file(const fs::path& file,
                                     const std::function<bool(std::string_view)>& is_section) {
  return read_yaml(read_whole(file), file, is_section);
}

RawValue read_yaml_value(const std::string& text) {
  try {
    Inspector inspector(text);
    inspector.run();
    if (inspector.second()) {  // YAML::Load would leave it unread: "[a] b" would be [a]
      throw Error("not valid YAML: more than one value");
    }
    return raw_value(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    throw Error("not valid YAML: " + one_line(e.msg));
  }
}

}  // namespace darts
