#pragma once

#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace darts {

/// The JSON (nlohmann::json or ordered_json) that `text` is. Throws Error, which does not know
/// where the text stands, if it is none, or gives a field twice, or is nested deeper than any file
/// of ours, which would overflow the stack of those who walk through it.
template <class Json>
Json parse_json(std::string_view text);

namespace detail {

/// "a list, each item a text".
template <class T>
std::string json_kind() {
  if constexpr (std::same_as<T, std::string>) {
    return "a text";
  } else if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (std::integral<T>) {
    return "a whole number";
  } else if constexpr (std::floating_point<T>) {
    return "a number";
  } else {
    return "a list, each item " + json_kind<typename T::value_type>();
  }
}

/// Whether `value` is a T as it stands: nlohmann would cut a number that does not fit.
template <class T, class Json>
bool is_json(const Json& value) {
  if constexpr (std::same_as<T, std::string>) {
    return value.is_string();
  } else if constexpr (std::same_as<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::integral<T>) {
    return value.is_number_integer() &&
           (!value.is_number_unsigned() || std::in_range<T>(value.template get<std::uint64_t>()));
  } else if constexpr (std::floating_point<T>) {
    return value.is_number();
  } else {
    return value.is_array() && std::ranges::all_of(value, is_json<typename T::value_type, Json>);
  }
}

/// `value` as a message shows it.
template <class Json>
std::string shown(const Json& value) {
  constexpr std::size_t most = 60;
  const std::string text = value.dump();
  return text.size() <= most ? text : std::string(cut_to_columns(text, most)) + " …";
}

}  // namespace detail

/// `value` as a T: a text, a flag, a number, a list of them. Throws Error, "must be a whole number,
/// got "x"".
template <class T, class Json>
T json_as(const Json& value) {
  if (!detail::is_json<T>(value)) {
    throw Error("must be " + detail::json_kind<T>() + ", got " + detail::shown(value));
  }
  return value.template get<T>();
}

/// The field `key` of `object`; nullptr: there is none. Throws Error if it is no object.
template <class Json>
const Json* find_json_field(const Json& object, const char* key) {
  if (!object.is_object()) {
    throw Error("must be an object, got " + detail::shown(object));
  }
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

/// The same; Error if there is none.
template <class Json>
const Json& json_field(const Json& object, const char* key) {
  const Json* const value = find_json_field(object, key);
  if (value == nullptr) {
    throw Error(std::string("the field \"") + key + "\" is missing");
  }
  return *value;
}

/// The field as a T.
template <class T, class Json>
T json_field_as(const Json& object, const char* key) {
  const Json& value = json_field(object, key);
  return within(std::string("\"") + key + "\"", [&] { return json_as<T>(value); });
}

/// The same where it is there, else `otherwise`.
template <class T, class Json>
T json_field_or(const Json& object, const char* key, T otherwise) {
  return find_json_field(object, key) == nullptr ? otherwise : json_field_as<T>(object, key);
}

}  // namespace darts
