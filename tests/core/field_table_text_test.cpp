#include "core/example_config.hpp"

#include <darts/core/field_table.hpp>
#include <darts/core/text.hpp>

#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>
#include <string>

namespace darts {
namespace {

using testing::ExampleConfig;

TEST(FieldTableText, DumpsNestedYaml) {
  ExampleConfig config;
  config.name = "null";
  config.tags = {"a b", "1"};
  EXPECT_EQ(fields(config).dump(), R"(name: "null"
seed: 0
data:
  dataset: cifar10
  root: data
  workers: 2
  augment:
    flip: true
  train_portion: 0.5
search:
  epochs: 50
  primitives: [none, skip_connect]
  tags: ["a b", "1"]
w:
  learning_rate: 0.025
  shift: 0.0
runtime:
  precision: fp32
)");
}

TEST(FieldTableText, TellsAValueAsTheDumpDoes) {
  ExampleConfig config;
  const FieldTable table = fields(config);
  config.epochs = 3;
  EXPECT_EQ(table.value("search.epochs"), "3");
  EXPECT_EQ(table.value("search.primitives"), "[none, skip_connect]");
  EXPECT_THROW(table.value("search"), std::logic_error);
}

TEST(FieldTableText, HelpShowsEveryKeyBySection) {
  ExampleConfig config;
  FieldTable table = fields(config);
  config.epochs = 3;  // a default is what the field held when it was added
  EXPECT_EQ(table.help(), R"(The run.
  name                text           search
                      name of the run
  seed                whole number   0
                      seed of everything random

data: The images.
  data.dataset        choice         cifar10
                      data set (one of cifar10, cifar100)
  data.root           path           data
                      folder of the data sets
  data.workers        whole number   2
                      threads that prepare batches (between 0 and 64)
  data.augment.flip   true or false  true
                      flip images left to right, half of the time
  data.train_portion  number         0.5
                      share of the images that w trains on (greater than 0 and less than 1)

search: How alpha and w are moved.
  search.epochs       whole number   50
                      passes over the training half (at least 1)
  search.primitives   list           [none, skip_connect]
                      candidate operations (each one of none, skip_connect, sep_conv_3x3)
  search.tags         list           []
                      words for the record

w: The weights.
  w.learning_rate     number         0.025
                      learning rate at the start (greater than 0)
  w.shift             number         0.0
                      any number

runtime: The machine.
  runtime.precision   choice         fp32
                      fp32, or bf16 by autocast (one of fp32, bf16)
)");
}

TEST(FieldTableText, HelpWrapsLongTexts) {
  std::vector<std::string> list(30, "skip_connect");
  FieldTable table;
  std::string help;
  for (int i = 0; i < 40; ++i) {
    help += "größere Wörter ";
  }
  table.section("a", help);
  table.add("a.list", list, help);
  std::istringstream lines(table.help());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(columns(line), 100U) << line;
  }
  EXPECT_GT(count, 15U);
}

TEST(FieldTableText, KeysWithoutADescribedSectionComeFirst) {
  int a = 1;
  int b = 2;
  FieldTable table;
  table.section("x", "Described.");
  table.add("x.a", a, "one");
  table.add("y.b", b, "two");
  EXPECT_EQ(table.help(),
            "  y.b  whole number  2\n       two\n\nx: Described.\n  x.a  whole number  1\n"
            "       one\n");
  EXPECT_EQ(table.keys(), (std::vector<std::string>{"x.a", "y.b"}));
  EXPECT_EQ(FieldTable().help(), "");
}

TEST(FieldTableText, WritesAMarkdownReference) {
  std::string mode = "a|b";
  double rate = 0.5;
  FieldTable table;
  table.section("", "The run.");
  table.add("mode", mode, "a | or <b>");
  table.section("w", "The weights.");
  table.add("w.rate", rate, "rate of train_augment", at_least(0) & less_than(1));
  EXPECT_EQ(table.reference_markdown(3), R"(The run.

| key | type | default | range | meaning |
|---|---|---|---|---|
| `mode` | text | `"a\|b"` |  | a \| or \<b> |

### `w`

The weights.

| key | type | default | range | meaning |
|---|---|---|---|---|
| `w.rate` | number | `0.5` | at least 0 and less than 1 | rate of train\_augment |
)");
}

}  // namespace
}  // namespace darts
