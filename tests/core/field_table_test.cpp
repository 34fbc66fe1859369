#include "core/example_config.hpp"
#include "core/expect_error.hpp"

#include <darts/core/field_table.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

// The table itself and the command line's side of it; files are in field_table_file_test.cpp.

namespace darts {
namespace {

using testing::error_of;
using testing::ExampleConfig;
using testing::ExamplePrecision;

/// The message for "--set assignment", without the "--set assignment: " before it.
std::string refusal(const std::string& assignment) {
  ExampleConfig config;
  FieldTable table = fields(config);
  const std::string message = error_of([&] { table.assign(assignment); });
  EXPECT_EQ(config, ExampleConfig()) << "a refused value changed the config";
  const std::string source = "--set " + assignment + ": ";
  EXPECT_EQ(message.substr(0, source.size()), source);
  return message.substr(std::min(source.size(), message.size()));
}

/// The config after "--set assignment".
ExampleConfig after(const std::string& assignment) {
  ExampleConfig config;
  fields(config).assign(assignment);
  return config;
}

TEST(FieldTable, SetsWholeNumbers) {
  EXPECT_EQ(after("search.epochs=5").epochs, 5);
  EXPECT_EQ(after("search.epochs=+5").epochs, 5);
  EXPECT_EQ(after("search.epochs=9223372036854775807").epochs, 9223372036854775807);
  EXPECT_EQ(after("data.workers=0").workers, 0);
  EXPECT_EQ(after("seed=18446744073709551615").seed, 18446744073709551615U);
}

TEST(FieldTable, RefusesWhatIsNoWholeNumber) {
  EXPECT_EQ(refusal("search.epochs=1.5"), "expected a whole number, got \"1.5\"");
  EXPECT_EQ(refusal("search.epochs=1e3"), "expected a whole number, got \"1e3\"");
  EXPECT_EQ(refusal("search.epochs=+-1"), "expected a whole number, got \"+-1\"");
  EXPECT_EQ(refusal("search.epochs=0x10"), "expected a whole number, got \"0x10\"");
  EXPECT_EQ(refusal("search.epochs=many"), "expected a whole number, got \"many\"");
  EXPECT_EQ(refusal("search.epochs=5-"), "expected a whole number, got \"5-\"");
  EXPECT_EQ(refusal("search.epochs="), "expected a whole number, got nothing");
  EXPECT_EQ(refusal("search.epochs=~"), "expected a whole number, got nothing");
  EXPECT_EQ(refusal("search.epochs=[1]"), "expected a whole number, got a list");
  EXPECT_EQ(refusal("search.epochs={a: 1}"), "expected a whole number, got a section");
}

TEST(FieldTable, RefusesWholeNumbersOutOfRange) {
  EXPECT_EQ(refusal("search.epochs=0"), "must be at least 1, got 0");
  EXPECT_EQ(refusal("data.workers=65"), "must be between 0 and 64, got 65");
  EXPECT_EQ(refusal("data.workers=3000000000"), "must be between 0 and 64, got 3000000000");
  EXPECT_EQ(refusal("search.epochs=9223372036854775808"),
            "must be between 1 and 9.223372036854776e+18, got 9223372036854775808");
  EXPECT_EQ(refusal("data.workers=" + std::string(1000, '9')),
            "must be between 0 and 64, got " + std::string(60, '9') + "…");
  EXPECT_EQ(refusal("seed=-1"), "must be between 0 and 18446744073709551615, got -1");
  EXPECT_EQ(refusal("seed=18446744073709551616"),
            "must be between 0 and 18446744073709551615, got 18446744073709551616");
}

TEST(FieldTable, SetsNumbers) {
  EXPECT_EQ(after("w.learning_rate=1e-3").learning_rate, 1e-3);
  EXPECT_EQ(after("w.learning_rate=1").learning_rate, 1.0);
  EXPECT_EQ(after("w.learning_rate=.5").learning_rate, 0.5);
  EXPECT_EQ(after("w.learning_rate=+2.5E+2").learning_rate, 250.0);
  EXPECT_EQ(after("w.shift=-0.125").shift, -0.125);
}

TEST(FieldTable, RefusesWhatIsNoNumber) {
  EXPECT_EQ(refusal("w.learning_rate=fast"), "expected a number, got \"fast\"");
  EXPECT_EQ(refusal("w.learning_rate=1,5"), "expected a number, got \"1,5\"");
  EXPECT_EQ(refusal("w.learning_rate=1 2"), "expected a number, got \"1 2\"");
  EXPECT_EQ(refusal("w.learning_rate="), "expected a number, got nothing");
  EXPECT_EQ(refusal("w.learning_rate=true"), "expected a number, got \"true\"");
  EXPECT_EQ(refusal("w.learning_rate=-1"), "must be greater than 0, got -1");
  EXPECT_EQ(refusal("w.learning_rate=0"), "must be greater than 0, got 0");
  EXPECT_EQ(refusal("data.train_portion=1"), "must be greater than 0 and less than 1, got 1");
}

TEST(FieldTable, RefusesNumbersThatAreNotFinite) {
  for (const std::string text : {"nan", "inf", "-inf", "+infinity", "1e999", "-1e999"}) {
    EXPECT_EQ(refusal("w.shift=" + text), "must be a finite number, got " + text);
  }
  for (const std::string text : {".nan", ".inf", "-.inf"}) {
    EXPECT_EQ(refusal("w.shift=" + text), "expected a number, got \"" + text + "\"");
  }
}

TEST(FieldTable, SetsFlags) {
  for (const char* text : {"false", "False", "FALSE", "off"}) {
    EXPECT_FALSE(after(std::string("data.augment.flip=") + text).flip);
  }
  ExampleConfig config;
  config.flip = false;
  fields(config).assign("data.augment.flip=true");
  EXPECT_TRUE(config.flip);
  EXPECT_EQ(refusal("data.augment.flip=yes"), "expected true or false, got \"yes\"");
  EXPECT_EQ(refusal("data.augment.flip=0"), "expected true or false, got \"0\"");
  EXPECT_EQ(refusal("data.augment.flip="), "expected true or false, got nothing");
}

TEST(FieldTable, TakesTextsAndPathsAsTheyAre) {
  for (const std::string text : {"a b", "a: b", "a #b", "*x", "[a]", "null", "1e-3", "", "a=b"}) {
    EXPECT_EQ(after("name=" + text).name, text);
    EXPECT_EQ(after("data.root=" + text).root, text);
  }
  EXPECT_EQ(after("name=\"a\\tb\"").name, "a\tb");
  EXPECT_EQ(after("name='it''s'").name, "it's");
  EXPECT_EQ(after("name='").name, "'");
}

TEST(FieldTable, SetsChoices) {
  EXPECT_EQ(after("data.dataset=cifar100").dataset, "cifar100");
  EXPECT_EQ(after("runtime.precision=bf16").precision, ExamplePrecision::bf16);
  EXPECT_EQ(refusal("data.dataset=mnist"), "must be one of cifar10, cifar100, got \"mnist\"");
  EXPECT_EQ(refusal("runtime.precision=fp64"), "must be one of fp32, bf16, got \"fp64\"");
  EXPECT_EQ(refusal("data.dataset=CIFAR-10"),
            "must be one of cifar10, cifar100, got \"CIFAR-10\"; did you mean cifar10?");
  EXPECT_EQ(refusal("runtime.precision="), "must be one of fp32, bf16, got nothing");
  EXPECT_EQ(refusal("runtime.precision=[fp32]"), "must be one of fp32, bf16, got a list");
}

TEST(FieldTable, SetsLists) {
  using List = std::vector<std::string>;
  EXPECT_EQ(after("search.primitives=[sep_conv_3x3, none]").primitives,
            (List{"sep_conv_3x3", "none"}));
  EXPECT_EQ(after("search.primitives=sep_conv_3x3,none").primitives,
            (List{"sep_conv_3x3", "none"}));
  EXPECT_EQ(after("search.primitives=none").primitives, (List{"none"}));
  EXPECT_EQ(after("search.tags=").tags, List{});
  EXPECT_EQ(after("search.tags=[1, 'b c']").tags, (List{"1", "b c"}));
}

TEST(FieldTable, RefusesListsThatAreNoSelection) {
  EXPECT_EQ(refusal("search.primitives=[]"),
            "must not be empty; choose from none, skip_connect, sep_conv_3x3");
  EXPECT_EQ(refusal("search.primitives=none,sepconv"),
            "each must be one of none, skip_connect, sep_conv_3x3, got \"sepconv\"");
  EXPECT_EQ(refusal("search.primitives=none,none"), "names \"none\" twice");
  EXPECT_EQ(refusal("search.tags=[a, [b]]"), "expected a list of texts, got a list in it");
  EXPECT_EQ(refusal("search.tags=[a, {b: c}]"), "expected a list of texts, got a section in it");
  EXPECT_EQ(refusal("search.tags=[a"), "not valid YAML: end of sequence flow not found");
  EXPECT_EQ(refusal("search.tags=[a, ]b"), "not valid YAML: more than one value");
  EXPECT_EQ(refusal("search.epochs=,1"), "not valid YAML: a value begins with a comma");
}

TEST(FieldTable, RefusesWhatIsNoKey) {
  EXPECT_EQ(refusal("search.epocs=5"), "unknown key; did you mean search.epochs?");
  EXPECT_EQ(refusal("epochs=5"), "unknown key; did you mean search.epochs?");
  EXPECT_EQ(refusal("serach=5"), "unknown key; did you mean search?");
  EXPECT_EQ(refusal("bananas=5"), "unknown key; --help-config lists all keys");
  EXPECT_EQ(refusal("=5"), "unknown key; --help-config lists all keys");
  EXPECT_EQ(refusal("search=5"), "search is a section; set one of its keys");
  EXPECT_EQ(refusal("data.augment={}"), "data.augment is a section; set one of its keys");
  EXPECT_EQ(error_of([] { after("search.epochs"); }), "--set search.epochs: write KEY=VALUE");
}

TEST(FieldTable, ErrorsNameTheOptionThatWasGiven) {
  ExampleConfig config;
  FieldTable table = fields(config);
  EXPECT_EQ(error_of([&] { table.set("search.epochs", "0", "--epochs 0"); }),
            "--epochs 0: must be at least 1, got 0");
  table.set("search.epochs", "3", "--epochs 3");
  EXPECT_EQ(config.epochs, 3);
  EXPECT_EQ(error_of([&] { table.set("search.epochs", "a\nb"); }),
            "--set search.epochs=a b: expected a whole number, got \"a b\"");
}

TEST(FieldTable, RefusesWhatNoFileNameOrRecordCanHold) {
  ExampleConfig config;
  FieldTable table = fields(config);
  EXPECT_EQ(error_of([&] { table.assign("data.root=\"runs\\0\""); }),
            "--set data.root=\"runs\\0\": must not hold a NUL byte, got \"runs\"");
  EXPECT_THAT(error_of([&] { table.set("data.root", "caf\xe9", "--data-root"); }),
              ::testing::StartsWith("--data-root: must be UTF-8, got \"caf\\xe9\"; rename it"));
  EXPECT_EQ(config, ExampleConfig());
}

TEST(FieldTable, SurvivesBeingMoved) {
  ExampleConfig config;
  FieldTable first = fields(config);
  FieldTable table = std::move(first);
  table.assign("search.epochs=7");
  EXPECT_EQ(config.epochs, 7);
}

TEST(FieldTable, RefusesATableThatContradictsItself) {
  ExampleConfig config;
  FieldTable table = fields(config);
  std::int64_t field = 0;
  for (const char* key : {"name", "search", "data.augment", "search.epochs.more", "extends", "",
                          ".a", "a.", "a..b", "A", "a b", "a-b"}) {
    EXPECT_THROW(table.add(key, field, ""), std::logic_error) << key;
  }
  EXPECT_THROW(table.section("search", "Again."), std::logic_error);
  auto unnamed = static_cast<ExamplePrecision>(7);
  EXPECT_THROW(
      table.add("x", unnamed, "", one_of<ExamplePrecision>({{"fp32", ExamplePrecision::fp32}})),
      std::logic_error);
}

TEST(FieldTable, TakesAnAliasForTheOtherField) {
  std::string method = "darts";
  std::string order = "second";
  FieldTable table;
  table.add("search.method", method, "method", one_of({"darts"}));
  table.add("search.order", order, "order", one_of({"first", "second"}));
  table.add_alias("search.method", {"first", "second"}, "search.order");
  table.assign("search.method=first");
  EXPECT_EQ(method, "darts");
  EXPECT_EQ(order, "first");
  table.assign("search.method=darts");
  EXPECT_EQ(order, "first");
  EXPECT_EQ(error_of([&] { table.assign("search.order=darts"); }).substr(0, 25),
            "--set search.order=darts:");
  EXPECT_THROW(table.add_alias("search.method", {"x"}, "search.orders"), std::logic_error);
}

}  // namespace
}  // namespace darts
