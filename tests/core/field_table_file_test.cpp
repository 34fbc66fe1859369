#include "core/child_process.hpp"
#include "core/example_config.hpp"
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/core/error.hpp>
#include <darts/core/field_table.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <string>

namespace darts {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::ExampleConfig;
using testing::ExamplePrecision;
using testing::TemporaryFolder;
using testing::write_text;

ExampleConfig loaded(const fs::path& file, const FieldTable::ExtendsFinder& find = {}) {
  ExampleConfig config;
  fields(config).load(file, find);
  return config;
}

ExampleConfig from_text(const std::string& text) {
  const TemporaryFolder folder;
  return loaded(write_text(folder / "x.yaml", text));
}

/// The message for a file x.yaml of this text, from "x.yaml" on.
std::string refusal(const std::string& text) {
  const TemporaryFolder folder;
  const fs::path file = write_text(folder / "x.yaml", text);
  const std::string message = error_of([&] { loaded(file); });
  const std::string prefix = folder.path().string() + "/";
  EXPECT_EQ(message.substr(0, prefix.size()), prefix);
  return message.substr(std::min(prefix.size(), message.size()));
}

TEST(FieldTableFile, SetsWhatItGivesAndNothingElse) {
  ExampleConfig expected;
  expected.name = "a b";
  expected.epochs = 5;
  expected.learning_rate = 1e-3;
  expected.flip = false;
  expected.primitives = {"none", "sep_conv_3x3"};
  expected.tags = {"1", "two"};
  expected.precision = ExamplePrecision::bf16;
  expected.root = "/data/a #b";
  EXPECT_EQ(from_text("# a comment\nname: a b\nsearch:\n  epochs: 5\n  primitives:\n    - none\n"
                      "    - sep_conv_3x3\n  tags: [1, two]\nw: {learning_rate: 1e-3}\n"
                      "data:\n  augment: {flip: off}\n  root: '/data/a #b'\n"
                      "runtime.precision: bf16\n"),
            expected);
}

TEST(FieldTableFile, MayBeEmpty) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "~\n", "search:\n", "search: {}\n"}) {
    EXPECT_EQ(from_text(text), ExampleConfig()) << text;
  }
}

TEST(FieldTableFile, NamesFileLineAndKey) {
  EXPECT_EQ(refusal("search:\n  epocs: 5\n"),
            "x.yaml:2: search.epocs: unknown key; did you mean search.epochs?");
  EXPECT_EQ(refusal("\n\nw: {learning_rate: fast}\n"),
            "x.yaml:3: w.learning_rate: expected a number, got \"fast\"");
  EXPECT_EQ(refusal("w:\n  learning_rate: -1\n"),
            "x.yaml:2: w.learning_rate: must be greater than 0, got -1");
  EXPECT_EQ(refusal("runtime: {precision: fp64}\n"),
            "x.yaml:1: runtime.precision: must be one of fp32, bf16, got \"fp64\"");
  EXPECT_EQ(refusal("name:\n"), "x.yaml:1: name: expected a text, got nothing");
  EXPECT_EQ(refusal("data:\n  root: [a]\n"), "x.yaml:2: data.root: expected a path, got a list");
  EXPECT_EQ(refusal("search: {tags: a}\n"), "x.yaml:1: search.tags: expected a list, got \"a\"");
  EXPECT_EQ(refusal("search: {tags: }\n"), "x.yaml:1: search.tags: expected a list, got nothing");
  EXPECT_EQ(refusal("search: {tags: [~]}\n"),
            "x.yaml:1: search.tags: expected a list of texts, got nothing in it");
}

TEST(FieldTableFile, RefusesUnknownSections) {
  EXPECT_EQ(refusal("serach:\n  epochs: 5\n"),
            "x.yaml:1: serach: unknown key; did you mean search?");
  EXPECT_EQ(refusal("search: {data: {root: a}}\n"),
            "x.yaml:1: search.data: unknown key; did you mean search.tags?");
  EXPECT_EQ(refusal("<<: {a: b}\n"), "x.yaml:1: <<: unknown key; --help-config lists all keys");
}

TEST(FieldTableFile, TellsSectionsFromValues) {
  EXPECT_EQ(refusal("search:\n  epochs:\n    a: 1\n"),
            "x.yaml:2: search.epochs: expected a whole number, got a section");
  EXPECT_EQ(refusal("name: x\nsearch: 5\n"),
            "x.yaml:2: search: expected a section with keys beneath it, got \"5\"");
  EXPECT_EQ(refusal("search: [epochs]\n"),
            "x.yaml:1: search: expected a section with keys beneath it, got a list");
}

TEST(FieldTableFile, RefusesAKeyTwice) {
  EXPECT_EQ(refusal("search:\n  epochs: 5\n  epochs: 6\n"),
            "x.yaml:3: search.epochs: given twice, first in line 2");
  EXPECT_EQ(refusal("w: {shift: 1}\nname: a\nw: {learning_rate: 1}\n"),
            "x.yaml:3: w: given twice, first in line 1");
  EXPECT_EQ(refusal("search: {epochs: 5}\nsearch.epochs: 6\n"),
            "x.yaml:2: search.epochs: given twice, first in line 1");
}

TEST(FieldTableFile, RefusesWhatIsNotYaml) {
  EXPECT_EQ(refusal("name: a\nsearch: {epochs: 5\n"),
            "x.yaml:3: not valid YAML: end of map flow not found");
  EXPECT_EQ(refusal("name: a\nseed: b: c\n"), "x.yaml:2: not valid YAML: illegal map value");
  EXPECT_EQ(refusal("name: *x\n"),
            "x.yaml:1: not valid YAML: the referenced anchor is not defined");
}

TEST(FieldTableFile, RefusesWhatIsNoMap) {
  EXPECT_EQ(refusal("\n- a\n- b\n"),
            "x.yaml:2: expected keys with values (key: value), got a list");
  EXPECT_EQ(refusal("epochs\n"),
            "x.yaml:1: expected keys with values (key: value), got \"epochs\"");
  EXPECT_EQ(refusal("name: a\n---\nname: b\n"),
            "x.yaml:2: a second YAML document begins; a file holds one");
  EXPECT_EQ(refusal("{name: a}\nseed: 1\n"),
            "x.yaml:2: a second YAML document begins; a file holds one");
  EXPECT_EQ(refusal("name: a\n[a, b]: c\n"), "x.yaml:2: a key has to be a plain word");
}

TEST(FieldTableFile, RefusesWhatTheYamlLibraryDoesNotMind) {
  EXPECT_EQ(refusal(", a: 1"), "x.yaml:1: not valid YAML: a value begins with a comma");
  EXPECT_EQ(refusal("name: \"abc\n"), "x.yaml:1: not valid YAML: a quote is not closed");
  EXPECT_EQ(refusal("seed: 1\nname: 'abc\nb: 3\n"),
            "x.yaml:2: not valid YAML: a quote is not closed");
  EXPECT_EQ(from_text("name: 'it''s'\n").name, "it's");
  EXPECT_EQ(from_text("name: \"a \\\" b\"\n").name, "a \" b");
}

TEST(FieldTableFile, SkipsAByteOrderMark) {
  EXPECT_EQ(from_text("\xEF\xBB\xBFname: a\n").name, "a");
}

TEST(FieldTableFile, RefusesWhatIsTooLargeForAConfig) {
  EXPECT_THAT(error_of([] { loaded("/dev/zero"); }),
              ::testing::HasSubstr("cannot read /dev/zero: it is larger than 1"));
}

TEST(FieldTableFile, AliasesAreFineAndCannotLoop) {
  const ExampleConfig config = from_text("search: {tags: &t [none]}\n");
  EXPECT_EQ(config.tags, std::vector<std::string>{"none"});
  EXPECT_EQ(from_text("search:\n  tags: &t [none]\n  primitives: *t\n").primitives, config.tags);
  EXPECT_EQ(refusal("search: &s {search: *s}\n").substr(0, 38),
            "x.yaml:1: search.search: unknown key; ");
  EXPECT_EQ(refusal("search: {tags: &t [a, *t]}\n"),
            "x.yaml:1: search.tags: expected a list of texts, got a list in it");
}

TEST(FieldTableFile, RefusesWhatCannotBeRead) {
  const TemporaryFolder folder;
  const std::string base = folder.path().string();
  EXPECT_EQ(error_of([&] { loaded(folder / "none.yaml"); }),
            "cannot read " + base + "/none.yaml: No such file or directory; check the path");
  EXPECT_EQ(error_of([&] { loaded(folder.path()); }), base + ": is a directory; name a YAML file");
  const fs::path closed = write_text(folder / "closed.yaml", "name: a\n");
  fs::permissions(closed, fs::perms::none);
  EXPECT_EQ(testing::run_child([&] {
              // root reads every file; nobody does not.
              if (::geteuid() == 0 && ::setuid(65534) != 0) {
                return 1;
              }
              const std::string message = error_of([&] { loaded(closed); });
              return message.starts_with("cannot read " + closed.string() + ": Permission denied")
                         ? 0
                         : 2;
            }),
            0);
}

TEST(FieldTableFile, ExtendsAnotherFileBesideIt) {
  const TemporaryFolder folder;
  write_text(folder / "base.yaml", "name: base\nsearch: {epochs: 7, tags: [a, b]}\n");
  write_text(folder / "middle.yaml", "extends: base.yaml\nsearch: {tags: [c]}\n");
  const fs::path top = write_text(folder / "top.yaml", "name: top\nextends: middle.yaml\n");
  ExampleConfig expected;
  expected.name = "top";
  expected.epochs = 7;
  expected.tags = {"c"};
  EXPECT_EQ(loaded(top), expected);
}

TEST(FieldTableFile, ExtendsAFileThatTheFinderKnows) {
  const TemporaryFolder folder;
  const fs::path base = write_text(folder / "recipes/cifar10.yaml", "name: base\n");
  const fs::path own = write_text(folder / "own/x.yaml", "extends: cifar10\n");
  EXPECT_EQ(loaded(own,
                   [&](const std::string& name) {
                     EXPECT_EQ(name, "cifar10");
                     return base;
                   })
                .name,
            "base");
  EXPECT_EQ(error_of([&] { loaded(own); }),
            own.string() + ":1: extends: there is no file " + (folder / "own/cifar10").string());
  EXPECT_EQ(error_of([&] {
              loaded(own, [](const std::string&) -> fs::path { throw Error("no recipe"); });
            }),
            own.string() + ":1: extends: no recipe");
}

TEST(FieldTableFile, ErrorsInAnExtendedFileNameThatFile) {
  const TemporaryFolder folder;
  const fs::path base = write_text(folder / "base.yaml", "\nseed: x\n");
  const fs::path top = write_text(folder / "top.yaml", "extends: base.yaml\n");
  EXPECT_EQ(error_of([&] { loaded(top); }),
            base.string() + ":2: seed: expected a whole number, got \"x\"");
}

TEST(FieldTableFile, RefusesToExtendInCircles) {
  const TemporaryFolder folder;
  const fs::path a = write_text(folder / "a.yaml", "extends: b.yaml\n");
  const fs::path b = write_text(folder / "b.yaml", "name: b\nextends: ./a.yaml\n");
  EXPECT_EQ(error_of([&] { loaded(a); }), b.string() + ":2: extends: " + folder.path().string() +
                                              "/./a.yaml extends this file in turn; break the "
                                              "circle");
  EXPECT_EQ(refusal("extends: x.yaml\n").substr(0, 18), "x.yaml:1: extends:");
  EXPECT_EQ(refusal("extends: [a, b]\n"), "x.yaml:1: extends: expected a file name, got a list");
}

TEST(FieldTableFile, RefusesWhatNoFileNameOrRecordCanHold) {
  EXPECT_EQ(refusal("name: \"a\\0b\"\n"), "x.yaml:1: name: must not hold a NUL byte, got \"a b\"");
  EXPECT_EQ(refusal("data:\n  root: \"\\0\"\n"),
            "x.yaml:2: data.root: must not hold a NUL byte, got \"\"");
  EXPECT_EQ(refusal("search:\n  tags: [a, \"b\\x00\"]\n"),
            "x.yaml:2: search.tags: must not hold a NUL byte, got \"b\"");
  EXPECT_EQ(refusal("extends: \"y.yaml\\0\"\n"),
            "x.yaml:1: extends: must not hold a NUL byte, got \"y.yaml\"");
  EXPECT_EQ(refusal("name: caf\xe9\n"), "x.yaml: is not UTF-8 text; save it as UTF-8");
  EXPECT_EQ(refusal(std::string("n\0a\0", 4)).substr(0, 7), "x.yaml:");
}

/// A text of up to 12 code points, with everything that YAML gives a meaning among them.
std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> pieces{
      "a", "Z", "0", "7",  " ", "\t", "\n", "\r",   "\"",   "'",    "\\",  ":",    "#",   "-", "[",
      "]", "{", "}", ",",  "&", "*",  "!",  "|",    ">",    "%",    "@",   "`",    "~",   ".", "/",
      "_", "=", "ß", "漢", "😀", "?",  "<",  "\x01", "null", "true", "---", "\x7f", "\x1b"};
  std::string text;
  for (std::uint64_t i = random() % 13; i > 0; --i) {
    text += pieces[random() % pieces.size()];
  }
  return text;
}

ExampleConfig random_config(std::mt19937_64& random) {
  const auto number = [&](double low) {
    const auto value = std::bit_cast<double>(random());
    return std::isfinite(value) && value > low ? value : 0.1;
  };
  ExampleConfig config;
  config.name = random_text(random);
  config.seed = random();
  config.workers = static_cast<int>(random() % 65);
  config.epochs = static_cast<std::int64_t>(random() >> (1 + random() % 60)) | 1;
  config.learning_rate = number(0.0);
  config.shift = number(-std::numeric_limits<double>::infinity());
  config.train_portion = static_cast<double>((random() >> 11U) | 1U) * 0x1.0p-53;
  config.flip = random() % 2 == 0;
  config.dataset = random() % 2 == 0 ? "cifar10" : "cifar100";
  config.root = random_text(random);
  config.primitives = random() % 2 == 0 ? std::vector<std::string>{"sep_conv_3x3"}
                                        : std::vector<std::string>{"skip_connect", "none"};
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    config.tags.push_back(random_text(random));
  }
  config.precision = random() % 2 == 0 ? ExamplePrecision::fp32 : ExamplePrecision::bf16;
  return config;
}

TEST(FieldTableFile, WhatIsDumpedLoadsExactly) {
  const TemporaryFolder folder;
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    ExampleConfig config = random_config(random);
    const std::string text = fields(config).dump();
    ASSERT_EQ(loaded(write_text(folder / "x.yaml", text)), config) << text;
  }
}

}  // namespace
}  // namespace darts
