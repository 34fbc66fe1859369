#include "field_codec.hpp"

#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace darts {
namespace {

using Kind = RawValue::Kind;

[[noreturn]] void expected(const std::string& what, const RawValue& got) {
  throw Error("expected " + what + ", got " + got.described());
}

[[noreturn]] void must_be(const std::string& what, const std::string& got) {
  constexpr std::size_t most = 60;
  throw Error("must be " + what + ", got " +
              (got.size() <= most ? got : std::string(cut_to_columns(got, most)) + "…"));
}

class FlagCodec final : public FieldCodec {
 public:
  explicit FlagCodec(bool& field) : field_(field) {}

  void parse(const RawValue& value) override {
    static const std::vector<std::string> yes{"true", "True", "TRUE", "on", "On", "ON"};
    static const std::vector<std::string> no{"false", "False", "FALSE", "off", "Off", "OFF"};
    const bool is_yes = std::count(yes.begin(), yes.end(), value.text) > 0;
    if (value.kind != Kind::text ||
        (!is_yes && std::count(no.begin(), no.end(), value.text) == 0)) {
      expected("true or false", value);
    }
    field_ = is_yes;
  }
  std::string yaml() const override { return field_ ? "true" : "false"; }
  std::string type() const override { return "true or false"; }

 private:
  bool& field_;
};

/// Reads the whole of `text`, with an optional leading plus.
template <class T>
std::errc read_number(std::string_view text, T& value) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) {
      return std::errc::invalid_argument;
    }
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return end == text.data() + text.size() ? error : std::errc::invalid_argument;
}

bool is_whole_number(std::string_view text) {
  const std::size_t first = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return text.size() > first && text.find_first_not_of("0123456789", first) == std::string::npos;
}

template <class T>
class NumberCodec final : public FieldCodec {
 public:
  NumberCodec(T& field, Range range) : field_(field), range_(range) {}

  void parse(const RawValue& value) override {
    T number{};
    const std::errc error =
        value.kind == Kind::text ? read_number(value.text, number) : std::errc::invalid_argument;
    if constexpr (std::is_integral_v<T>) {
      if (!is_whole_number(value.text)) {
        expected("a whole number", value);
      }
      // Also where the number is unsigned and the text is negative.
      if (error != std::errc()) {
        must_be(limits(), value.text);
      }
    } else {
      if (error == std::errc::result_out_of_range || !std::isfinite(number)) {
        must_be("a finite number", value.text);
      }
      if (error != std::errc()) {
        expected("a number", value);
      }
    }
    if (!range_.contains(number)) {
      must_be(range_.text(), value.text);
    }
    field_ = number;
  }

  std::string yaml() const override {
    if constexpr (std::is_integral_v<T>) {
      return std::to_string(field_);
    } else {
      return format_shortest(field_);
    }
  }
  std::string type() const override { return std::is_integral_v<T> ? "whole number" : "number"; }
  std::string range() const override { return range_.text(); }

 private:
  /// What a number has to be that T cannot hold.
  std::string limits() const {
    constexpr T least = std::numeric_limits<T>::min();
    constexpr T most = std::numeric_limits<T>::max();
    if (range_.text().empty()) {
      return "between " + std::to_string(least) + " and " + std::to_string(most);
    }
    return (range_ & between(static_cast<double>(least), static_cast<double>(most))).text();
  }

  T& field_;
  Range range_;
};

}  // namespace

std::unique_ptr<FieldCodec> make_flag_codec(bool& field) {
  return std::make_unique<FlagCodec>(field);
}

std::unique_ptr<FieldCodec> make_number_codec(int& field, Range range) {
  return std::make_unique<NumberCodec<int>>(field, range);
}

std::unique_ptr<FieldCodec> make_number_codec(std::int64_t& field, Range range) {
  return std::make_unique<NumberCodec<std::int64_t>>(field, range);
}

std::unique_ptr<FieldCodec> make_number_codec(std::uint64_t& field, Range range) {
  return std::make_unique<NumberCodec<std::uint64_t>>(field, range);
}

std::unique_ptr<FieldCodec> make_number_codec(double& field, Range range) {
  return std::make_unique<NumberCodec<double>>(field, range);
}

}  // namespace darts
