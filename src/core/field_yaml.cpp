#include "field_yaml.hpp"

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

namespace darts {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) {
    throw Error(file.string() + ": is a directory; name a YAML file");
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  // An empty file sets failbit on the receiving stream, which is no error.
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) {
    text << stream.rdbuf();
  }
  if (!stream.is_open() || stream.bad()) {
    throw Error(file.string() + ": cannot be read: " + std::strerror(errno != 0 ? errno : EIO));
  }
  return text.str();
}

RawValue raw_value(const YAML::Node& node) {
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
      for (const YAML::Node& item : node) {
        // Only one level: an alias can make a list hold itself.
        RawValue raw;
        raw.kind = item.IsSequence() ? RawValue::Kind::list : RawValue::Kind::section;
        value.items.push_back(item.IsSequence() || item.IsMap() ? raw : raw_value(item));
      }
      break;
  }
  return value;
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
      fields_.push_back({key, line, raw_value(entry.second)});
      if (entry.second.IsMap() && is_section_(key)) {
        walk(entry.second, key + ".");
      }
    }
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

std::vector<RawField> read_yaml_file(const fs::path& file,
                                     const std::function<bool(std::string_view)>& is_section) {
  const std::string text = read_whole(file);
  Reader reader(file, is_section);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw Error(reader.at(documents[1].Mark().line + 1) +
                  "a second YAML document begins; a file holds one");
    }
    if (!documents.empty() && !documents[0].IsNull()) {
      if (!documents[0].IsMap()) {
        throw Error(reader.at(documents[0].Mark().line + 1) +
                    "expected keys with values (key: value), got " +
                    raw_value(documents[0]).described());
      }
      reader.walk(documents[0], "");
    }
  } catch (const YAML::Exception& e) {
    throw Error(reader.at(e.mark.line + 1) + "not valid YAML: " + one_line(e.msg));
  }
  return reader.take();
}

RawValue read_yaml_value(const std::string& text) {
  try {
    // YAML::Load would leave what follows the first document unread: "[a] b" would be [a].
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw Error("not valid YAML: more than one value");
    }
    return documents.empty() ? RawValue() : raw_value(documents[0]);
  } catch (const YAML::Exception& e) {
    throw Error("not valid YAML: " + one_line(e.msg));
  }
}

}  // namespace darts
