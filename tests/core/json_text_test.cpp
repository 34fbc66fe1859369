#include "core/expect_error.hpp"

#include <darts/core/json_text.hpp>

#include <string>
#include <vector>

namespace darts {
namespace {

using ::darts::testing::error_of;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

TEST(JsonText, ReadsWhatIsJson) {
  EXPECT_EQ(parse_json<Json>(R"({"b": [1, 2.5], "a": {"b": null}})").dump(),
            R"({"b":[1,2.5],"a":{"b":null}})");
  EXPECT_EQ(parse_json<nlohmann::json>("3"), 3);
}

TEST(JsonText, SaysWhatIsNone) {
  const auto error = [](const std::string& text) {
    return error_of([&] { parse_json<Json>(text); });
  };
  EXPECT_EQ(error("{\"a\":"), "not valid JSON at byte 6; the file may be cut off");
  EXPECT_EQ(error(""), "not valid JSON at byte 1; the file may be cut off");
  EXPECT_EQ(error("[1e999]"), "not valid JSON: a number is too large");
  EXPECT_EQ(error(R"({"a": {"b": 1, "c": 2, "b": 3}})"), "the field \"b\" is given twice");
  EXPECT_EQ(error(std::string(1'000'000, '[')), "nested deeper than 64 levels");
}

/// An ordered object compares each new field with all before it: minutes for a file of some MiB.
TEST(JsonText, RefusesObjectsThatWouldTakeMinutes) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  }
  EXPECT_THAT(error_of([&] { parse_json<Json>(text + "}"); }), HasSubstr("more than 10000 fields"));
  EXPECT_EQ(parse_json<nlohmann::json>(text + "}").size(), 300'000U);
}

TEST(JsonText, AFieldIsOfItsKind) {
  const Json json = parse_json<Json>(
      R"({"text": "x", "yes": true, "whole": -3, "number": 2.5, "huge": 1e300,
          "most": 18446744073709551615, "list": [1, 2], "lists": [["a"], []], "mixed": [1, "b"]})");
  EXPECT_EQ(json_field_as<std::string>(json, "text"), "x");
  EXPECT_TRUE(json_field_as<bool>(json, "yes"));
  EXPECT_EQ(json_field_as<std::int64_t>(json, "whole"), -3);
  EXPECT_EQ(json_field_as<double>(json, "number"), 2.5);
  EXPECT_EQ(json_field_as<double>(json, "whole"), -3.0);
  EXPECT_EQ(json_field_as<std::vector<std::int64_t>>(json, "list"),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(json_field_as<std::vector<std::vector<std::string>>>(json, "lists"),
            (std::vector<std::vector<std::string>>{{"a"}, {}}));
  EXPECT_EQ(json_field_or<std::int64_t>(json, "nothing", 7), 7);
  EXPECT_EQ(json_field_or<std::int64_t>(json, "whole", 7), -3);
  const auto error = [&](auto kind, const char* key) {
    return error_of([&] { json_field_as<decltype(kind)>(json, key); });
  };
  EXPECT_EQ(error(std::int64_t{}, "text"), R"("text": must be a whole number, got "x")");
  EXPECT_EQ(error(std::int64_t{}, "number"), R"("number": must be a whole number, got 2.5)");
  EXPECT_EQ(error(std::int64_t{}, "huge"), R"("huge": must be a whole number, got 1e+300)");
  EXPECT_THAT(error(std::int64_t{}, "most"), HasSubstr("got 18446744073709551615"));
  EXPECT_EQ(error(std::string{}, "yes"), R"("yes": must be a text, got true)");
  EXPECT_EQ(error(std::vector<std::int64_t>{}, "mixed"),
            R"("mixed": must be a list, each item a whole number, got [1,"b"])");
  EXPECT_EQ(error(bool{}, "nothing"), R"(the field "nothing" is missing)");
}

TEST(JsonText, OnlyObjectsHaveFields) {
  for (const char* text : {"null", "[]", "3", "\"x\""}) {
    const Json json = parse_json<Json>(text);
    EXPECT_EQ(error_of([&] { json_field_or(json, "a", 1); }),
              std::string("must be an object, got ") + text);
  }
}

}  // namespace
}  // namespace darts
