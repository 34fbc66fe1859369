#pragma once

#include <darts/core/field_range.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace darts {

class FieldCodec;
struct RawValue;

/// All fields of a config: key, default, range and help, declared together and once. Reading files,
/// the command line, writing config.yaml, --help-config and the reference page come from it.
///
///     FieldTable fields(MyConfig& config) {
///       FieldTable table;
///       table.section("search", "How alpha and w are moved.");
///       table.add("search.epochs", config.search.epochs, "passes over the training half",
///                 at_least(1));
///       return table;
///     }
///
/// A key is lower-case words with dots between sections. The table holds references: the config has
/// to outlive it and must not move. What a field holds when it is added is its default. A table
/// that contradicts itself (a key twice, a key that is a section) is a std::logic_error.
///
/// Errors in a file or on the command line are one-line darts::Errors that name file, line and key,
/// or the option; fields before the one at fault may have been set.
class FieldTable {
 public:
  /// Finds a file that another one extends and that does not lie beside it; throws Error.
  using ExtendsFinder = std::function<std::filesystem::path(const std::string& name)>;

  FieldTable();
  ~FieldTable();
  FieldTable(FieldTable&&) noexcept;
  FieldTable& operator=(FieldTable&&) noexcept;

  /// Describes the keys that begin with `name` and a dot. Help and reference are grouped by the
  /// sections described, in this order; keys of no such section come first.
  void section(std::string name, std::string help);

  /// Binds a key to a field. `help` is a phrase that says what it is, with its unit.
  void add(std::string key, bool& field, std::string help);
  void add(std::string key, int& field, std::string help, Range range = {});
  void add(std::string key, std::int64_t& field, std::string help, Range range = {});
  void add(std::string key, std::uint64_t& field, std::string help, Range range = {});
  void add(std::string key, double& field, std::string help, Range range = {});
  void add(std::string key, std::string& field, std::string help, OneOf names = {});
  void add(std::string key, std::filesystem::path& field, std::string help);
  void add(std::string key, std::vector<std::string>& field, std::string help, EachOf names = {});
  /// One number, or a list of them: as many as the field then holds.
  void add(std::string key, std::vector<std::int64_t>& field, std::string help, Range range = {});
  /// A list of lists, each a selection of names; an empty list is taken.
  void add(std::string key, std::vector<std::vector<std::string>>& field, std::string help,
           EachOf names = {});

  template <class T>
  requires std::is_enum_v<T>
  void add(std::string key, T& field, std::string help, Choices<T> choices) {
    std::vector<std::string> names;
    std::vector<T> values;
    for (auto& [name, value] : choices.rows) {
      names.push_back(std::move(name));
      values.push_back(value);
    }
    auto get = [&field, values] {
      std::size_t index = 0;
      while (index < values.size() && values[index] != field) {
        ++index;
      }
      return index;
    };
    auto set = [&field, values](std::size_t index) { field = values[index]; };
    add_choice(std::move(key), std::move(help), std::move(names), std::move(get), std::move(set));
  }

  /// From now on these values of the field `key` are taken as values of the field `other` instead:
  /// a setting that has become two is still read as it was written.
  void add_alias(std::string key, std::vector<std::string> values, std::string other);

  /// Sets one field from the command line. `text` is YAML for numbers, flags and lists (a list also
  /// as "a,b"), and taken as it is for texts and paths unless it stands in quotes. `source` begins
  /// the error message, such as "--epochs 0"; it is "--set KEY=TEXT" where it is empty.
  void set(std::string_view key, std::string_view text, std::string_view source = {});

  /// Sets one field from "KEY=TEXT", the value of --set.
  void assign(std::string_view assignment);

  /// Sets the fields that a YAML file gives; an empty file gives none. `extends: other.yaml` at its
  /// top loads that file before it, found beside the file or else by `find`.
  void load(const std::filesystem::path& file, const ExtendsFinder& find = {});

  /// Sets the fields that YAML text gives, such as a dump(); `source` names it in errors.
  void load_text(const std::string& text, const std::filesystem::path& source);

  /// All fields with their present values as YAML; load() of it sets exactly these values.
  std::string dump() const;

  /// The present value of one of keys(), as dump() writes it.
  std::string value(std::string_view key) const;

  /// Every key with type, default, help and range, as text no wider than 100 columns.
  std::string help() const;

  /// The same as Markdown: for each section a heading of `level` and a table.
  std::string reference_markdown(int level = 2) const;

  /// Every key, in the order in which they were added.
  std::vector<std::string> keys() const;

 private:
  struct Field;
  struct Section;
  struct Alias;

  void add_codec(std::string key, std::string help, std::unique_ptr<FieldCodec> codec);
  void add_choice(std::string key, std::string help, std::vector<std::string> names,
                  std::function<std::size_t()> get, std::function<void(std::size_t)> set);
  const Field* find(std::string_view key) const;
  const Field* find_for(std::string_view key, const RawValue& value) const;
  bool is_section(std::string_view key) const;
  std::string unknown_key(std::string_view key) const;
  void set_raw(std::string_view key, const RawValue& value, const std::string& source);
  void load_chain(const std::filesystem::path& file, const ExtendsFinder& find,
                  std::vector<std::filesystem::path>& chain);
  void dump_section(std::string_view prefix, std::string& text) const;
  std::vector<std::vector<const Field*>> grouped() const;

  std::vector<Field> fields_;
  std::vector<Section> sections_;
  std::vector<Alias> aliases_;
};

}  // namespace darts
