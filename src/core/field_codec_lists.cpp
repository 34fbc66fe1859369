#include "field_codec.hpp"

#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace darts {
namespace {

using Kind = RawValue::Kind;

/// One number, or one for each of a row of things.
class NumbersCodec final : public FieldCodec {
 public:
  NumbersCodec(std::vector<std::int64_t>& field, Range range) : field_(field), range_(range) {}

  void parse(const RawValue& value) override {
    if (value.kind == Kind::list && value.items.empty()) {
      throw Error("must not be an empty list");
    }
    std::vector<std::int64_t> numbers;
    if (value.kind == Kind::list) {
      std::ranges::transform(value.items, std::back_inserter(numbers),
                             [this](const RawValue& item) { return number(item); });
    } else {
      numbers.push_back(number(value));
    }
    field_ = std::move(numbers);
  }
  std::string yaml() const override {
    std::vector<std::string> items;
    std::ranges::transform(field_, std::back_inserter(items),
                           [](std::int64_t number) { return std::to_string(number); });
    return items.size() == 1 ? items.front() : "[" + join(items) + "]";
  }
  std::string type() const override { return "whole number, or list of them"; }
  std::string range() const override { return range_.text(); }

 private:
  std::int64_t number(const RawValue& value) const {
    std::int64_t number = 0;
    make_number_codec(number, range_)->parse(value);
    return number;
  }

  std::vector<std::int64_t>& field_;
  Range range_;
};

class ListsCodec final : public FieldCodec {
 public:
  ListsCodec(std::vector<std::vector<std::string>>& field, EachOf names)
      : field_(field), names_(std::move(names)) {}

  void parse(const RawValue& value) override {
    if (value.kind != Kind::list) {
      throw Error("expected a list of lists, got " + value.described());
    }
    std::vector<std::vector<std::string>> lists;
    for (const RawValue& item : value.items) {
      lists.emplace_back();
      within("list " + std::to_string(lists.size()) + " in it",
             [&] { make_list_codec(lists.back(), names_)->parse(item); });
    }
    field_ = std::move(lists);
  }
  std::string yaml() const override {
    std::vector<std::string> items;
    for (std::vector<std::string> list : field_) {
      items.push_back(make_list_codec(list, names_)->yaml());
    }
    return "[" + join(items) + "]";
  }
  std::string type() const override { return "list of lists"; }
  std::string range() const override {
    return names_.names.empty() ? "" : "of names from " + join(names_.names);
  }

 private:
  std::vector<std::vector<std::string>>& field_;
  EachOf names_;
};

}  // namespace

std::unique_ptr<FieldCodec> make_numbers_codec(std::vector<std::int64_t>& field, Range range) {
  return std::make_unique<NumbersCodec>(field, range);
}

std::unique_ptr<FieldCodec> make_lists_codec(std::vector<std::vector<std::string>>& field,
                                             EachOf names) {
  return std::make_unique<ListsCodec>(field, std::move(names));
}

}  // namespace darts
