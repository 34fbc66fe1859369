#include "field_codec.hpp"
#include "field_table_rows.hpp"
#include "field_yaml.hpp"

#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/field_table.hpp>
#include <darts/core/text.hpp>
#include <darts/core/utf8.hpp>

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// The key that names the file to load first; never a field.
constexpr std::string_view extends_key = "extends";

bool is_key(std::string_view key) {
  const bool words =
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
  return words && !key.empty() && !key.starts_with('.') && !key.ends_with('.') &&
         key.find("..") == std::string_view::npos;
}

bool is_in_quotes(std::string_view text) {
  return text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
         text.back() == text.front();
}

/// A value of the command line, by the syntax of its field.
RawValue command_line_value(FieldCodec::Syntax syntax, std::string_view text) {
  if (syntax == FieldCodec::Syntax::plain && !is_in_quotes(text)) {
    return {RawValue::Kind::text, std::string(text), {}};
  }
  if (syntax == FieldCodec::Syntax::list && !text.starts_with('[')) {
    return read_yaml_value("[" + std::string(text) + "]");
  }
  return read_yaml_value(std::string(text));
}

/// What neither a file name nor a record can hold.
void check_text(const RawValue& value) {
  if (value.text.find('\0') != std::string::npos) {
    throw Error("must not hold a NUL byte, got " + value.described());
  }
  if (!is_utf8(value.text)) {
    throw Error("must be UTF-8, got " + in_quotes(as_utf8(value.text)) +
                "; rename it, or put a link there that has such a name");
  }
  std::ranges::for_each(value.items, check_text);
}

/// Sets the field that has this codec.
void parse(FieldCodec& codec, const RawValue& value) {
  check_text(value);
  codec.parse(value);
}

fs::path find_extended(const fs::path& file, const std::string& name,
                       const FieldTable::ExtendsFinder& find) {
  std::error_code ignored;
  fs::path beside = file.parent_path() / name;
  if (fs::exists(beside, ignored)) {
    return beside;
  }
  if (find) {
    return find(name);
  }
  throw Error("there is no file " + beside.string());
}

}  // namespace

FieldTable::FieldTable() = default;
FieldTable::~FieldTable() = default;
FieldTable::FieldTable(FieldTable&&) noexcept = default;
FieldTable& FieldTable::operator=(FieldTable&&) noexcept = default;

void FieldTable::section(std::string name, std::string help) {
  const auto same = [&](const Section& section) { return section.name == name; };
  if (std::any_of(sections_.begin(), sections_.end(), same)) {
    throw std::logic_error("section " + name + " is described twice");
  }
  sections_.push_back({std::move(name), std::move(help)});
}

void FieldTable::add_codec(std::string key, std::string help, std::unique_ptr<FieldCodec> codec) {
  if (!is_key(key) || key == extends_key || find(key) != nullptr || is_section(key)) {
    throw std::logic_error("field " + key + ": not a key, or there is one already");
  }
  for (const Field& field : fields_) {
    if (key.starts_with(field.key + ".")) {
      throw std::logic_error("field " + key + " lies in " + field.key + ", which is a field");
    }
  }
  std::string initial = codec->yaml();
  fields_.push_back({std::move(key), std::move(help), std::move(initial), std::move(codec)});
}

void FieldTable::add(std::string key, bool& field, std::string help) {
  add_codec(std::move(key), std::move(help), make_flag_codec(field));
}

void FieldTable::add(std::string key, int& field, std::string help, Range range) {
  add_codec(std::move(key), std::move(help), make_number_codec(field, range));
}

void FieldTable::add(std::string key, std::int64_t& field, std::string help, Range range) {
  add_codec(std::move(key), std::move(help), make_number_codec(field, range));
}

void FieldTable::add(std::string key, std::uint64_t& field, std::string help, Range range) {
  add_codec(std::move(key), std::move(help), make_number_codec(field, range));
}

void FieldTable::add(std::string key, double& field, std::string help, Range range) {
  add_codec(std::move(key), std::move(help), make_number_codec(field, range));
}

void FieldTable::add(std::string key, std::string& field, std::string help, OneOf names) {
  add_codec(std::move(key), std::move(help), make_text_codec(field, std::move(names)));
}

void FieldTable::add(std::string key, fs::path& field, std::string help) {
  add_codec(std::move(key), std::move(help), make_path_codec(field));
}

void FieldTable::add(std::string key, std::vector<std::string>& field, std::string help,
                     EachOf names) {
  add_codec(std::move(key), std::move(help), make_list_codec(field, std::move(names)));
}

void FieldTable::add(std::string key, std::vector<std::int64_t>& field, std::string help,
                     Range range) {
  add_codec(std::move(key), std::move(help), make_numbers_codec(field, range));
}

void FieldTable::add(std::string key, std::vector<std::vector<std::string>>& field,
                     std::string help, EachOf names) {
  add_codec(std::move(key), std::move(help), make_lists_codec(field, std::move(names)));
}

void FieldTable::add_choice(std::string key, std::string help, std::vector<std::string> names,
                            std::function<std::size_t()> get,
                            std::function<void(std::size_t)> set) {
  add_codec(std::move(key), std::move(help),
            make_choice_codec(std::move(names), std::move(get), std::move(set)));
}

const FieldTable::Field* FieldTable::find(std::string_view key) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.key == key; });
  return found == fields_.end() ? nullptr : &*found;
}

void FieldTable::add_alias(std::string key, std::vector<std::string> values, std::string other) {
  if (find(key) == nullptr || find(other) == nullptr) {
    throw std::logic_error("alias of " + key + ": there is no such field, or no " + other);
  }
  aliases_.push_back({std::move(key), std::move(values), std::move(other)});
}

/// The field that `value` is for, where it is given for `key`.
const FieldTable::Field* FieldTable::find_for(std::string_view key, const RawValue& value) const {
  for (const Alias& alias : aliases_) {
    if (alias.key == key && value.kind == RawValue::Kind::text &&
        std::ranges::count(alias.values, value.text) > 0) {
      return find(alias.other);
    }
  }
  return find(key);
}

bool FieldTable::is_section(std::string_view key) const {
  const std::string prefix = std::string(key) + ".";
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const Field& field) { return field.key.starts_with(prefix); });
}

std::vector<std::string> FieldTable::keys() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) {
    names.push_back(field.key);
  }
  return names;
}

std::string FieldTable::unknown_key(std::string_view key) const {
  std::vector<std::string> candidates = keys();
  std::vector<std::string> ends;  // fields that are called so in some section
  for (const std::string& name : keys()) {
    if (name.ends_with("." + std::string(key))) {
      ends.push_back(name);
    }
    for (std::size_t dot = name.find('.'); dot != std::string::npos;
         dot = name.find('.', dot + 1)) {
      candidates.push_back(name.substr(0, dot));
    }
  }
  const auto near = ends.empty() ? nearest(key, candidates) : join(ends, " or ");
  return near ? "unknown key; did you mean " + *near + "?"
              : "unknown key; --help-config lists all keys";
}

void FieldTable::set_raw(std::string_view key, const RawValue& value, const std::string& source) {
  within(source, [&] {
    if (const Field* field = find_for(key, value)) {
      parse(*field->codec, value);
    } else if (!is_section(key)) {
      throw Error(unknown_key(key));
    } else if (value.kind == RawValue::Kind::text || value.kind == RawValue::Kind::list) {
      throw Error("expected a section with keys beneath it, got " + value.described());
    }
  });
}

void FieldTable::set(std::string_view key, std::string_view text, std::string_view source) {
  const std::string where = source.empty()
                                ? one_line("--set " + std::string(key) + "=" + std::string(text))
                                : std::string(source);
  within(where, [&] {
    const Field* field = find(key);
    if (field != nullptr) {
      const RawValue value = command_line_value(field->codec->syntax(), text);
      parse(*find_for(key, value)->codec, value);
    } else if (is_section(key)) {
      throw Error(std::string(key) + " is a section; set one of its keys");
    } else {
      throw Error(unknown_key(key));
    }
  });
}

void FieldTable::assign(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    throw Error("--set " + one_line(assignment) + ": write KEY=VALUE");
  }
  set(assignment.substr(0, equals), assignment.substr(equals + 1));
}

void FieldTable::load(const fs::path& file, const ExtendsFinder& find) {
  std::vector<fs::path> chain;
  load_chain(file, find, chain);
}

void FieldTable::load_text(const std::string& text, const fs::path& source) {
  for (const RawField& entry :
       read_yaml(text, source, [this](std::string_view key) { return is_section(key); })) {
    set_raw(entry.key, entry.value,
            source.string() + ":" + std::to_string(entry.line) + ": " + one_line(entry.key));
  }
}

void FieldTable::load_chain(const fs::path& file, const ExtendsFinder& finder,
                            std::vector<fs::path>& chain) {
  const auto entries =
      read_yaml_file(file, [this](std::string_view key) { return is_section(key); });
  const auto where = [&](const RawField& entry) {
    return file.string() + ":" + std::to_string(entry.line) + ": " + one_line(entry.key);
  };
  std::error_code ignored;
  chain.push_back(fs::weakly_canonical(file, ignored));
  for (const RawField& entry : entries) {
    if (entry.key != extends_key) {
      continue;
    }
    const fs::path base = within(where(entry), [&] {
      if (entry.value.kind != RawValue::Kind::text) {
        throw Error("expected a file name, got " + entry.value.described());
      }
      check_text(entry.value);
      fs::path found = find_extended(file, entry.value.text, finder);
      if (std::count(chain.begin(), chain.end(), fs::weakly_canonical(found, ignored)) > 0) {
        throw Error(found.string() + " extends this file in turn; break the circle");
      }
      return found;
    });
    load_chain(base, finder, chain);
  }
  for (const RawField& entry : entries) {
    if (entry.key != extends_key) {
      set_raw(entry.key, entry.value, where(entry));
    }
  }
}

}  // namespace darts
