#pragma once

#include <darts/core/field_range.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace darts {

/// A value as it was written, free of YAML.
struct RawValue {
  enum class Kind { nothing, text, list, section };
  Kind kind = Kind::nothing;
  std::string text;             ///< of a text
  std::vector<RawValue> items;  ///< of a list; a list in a list in a list stays empty, as sections

  /// For "got …": the text in quotes, or what it is instead.
  std::string described() const;
};

/// How one field is read and written.
class FieldCodec {
 public:
  /// How the command line's text becomes a value.
  enum class Syntax { yaml, plain, list };

  FieldCodec() = default;
  virtual ~FieldCodec() = default;
  FieldCodec(const FieldCodec&) = delete;
  FieldCodec& operator=(const FieldCodec&) = delete;

  /// Sets the field, or throws Error with the end of the message ("expected a number, got …").
  virtual void parse(const RawValue& value) = 0;
  /// The field's present value as one line of YAML.
  virtual std::string yaml() const = 0;
  /// "whole number".
  virtual std::string type() const = 0;
  /// What it may hold, such as "at least 1"; empty for no limits beyond the type's.
  virtual std::string range() const { return {}; }
  virtual Syntax syntax() const { return Syntax::yaml; }
};

std::unique_ptr<FieldCodec> make_flag_codec(bool& field);
std::unique_ptr<FieldCodec> make_number_codec(int& field, Range range);
std::unique_ptr<FieldCodec> make_number_codec(std::int64_t& field, Range range);
std::unique_ptr<FieldCodec> make_number_codec(std::uint64_t& field, Range range);
std::unique_ptr<FieldCodec> make_number_codec(double& field, Range range);
std::unique_ptr<FieldCodec> make_text_codec(std::string& field, OneOf names);
std::unique_ptr<FieldCodec> make_path_codec(std::filesystem::path& field);
std::unique_ptr<FieldCodec> make_numbers_codec(std::vector<std::int64_t>& field, Range range);
std::unique_ptr<FieldCodec> make_lists_codec(std::vector<std::vector<std::string>>& field,
                                             EachOf names);
std::unique_ptr<FieldCodec> make_list_codec(std::vector<std::string>& field, EachOf names);

/// A field that is the `get()`th of `names`; an index past the end is a value without a name.
std::unique_ptr<FieldCodec> make_choice_codec(std::vector<std::string> names,
                                              std::function<std::size_t()> get,
                                              std::function<void(std::size_t)> set);

/// A text as a YAML scalar, in quotes where any reader might take it for something else.
std::string yaml_text(const std::string& text);

}  // namespace darts
