#pragma once

#include <darts/core/field_table.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace darts::testing {

enum class ExamplePrecision { fp32, bf16 };

/// A config with a field of every type.
struct ExampleConfig {
  std::string name = "search";
  std::uint64_t seed = 0;
  int workers = 2;
  std::int64_t epochs = 50;
  double learning_rate = 0.025;
  double train_portion = 0.5;
  double shift = 0.0;
  bool flip = true;
  std::string dataset = "cifar10";
  std::filesystem::path root = "data";
  std::vector<std::string> primitives = {"none", "skip_connect"};
  std::vector<std::string> tags;
  ExamplePrecision precision = ExamplePrecision::fp32;

  bool operator==(const ExampleConfig&) const = default;
};

inline FieldTable fields(ExampleConfig& c) {
  FieldTable table;
  table.section("", "The run.");
  table.add("name", c.name, "name of the run");
  table.add("seed", c.seed, "seed of everything random");
  table.section("data", "The images.");
  table.add("data.dataset", c.dataset, "data set", one_of({"cifar10", "cifar100"}));
  table.add("data.root", c.root, "folder of the data sets");
  table.add("data.workers", c.workers, "threads that prepare batches", between(0, 64));
  table.section("search", "How alpha and w are moved.");
  table.add("search.epochs", c.epochs, "passes over the training half", at_least(1));
  table.add("search.primitives", c.primitives, "candidate operations",
            each_of({"none", "skip_connect", "sep_conv_3x3"}));
  table.add("search.tags", c.tags, "words for the record");
  table.section("w", "The weights.");
  table.add("w.learning_rate", c.learning_rate, "learning rate at the start", greater_than(0.0));
  // Not in one place with its section's other keys, and in a section within it.
  table.add("data.augment.flip", c.flip, "flip images left to right, half of the time");
  table.add("data.train_portion", c.train_portion, "share of the images that w trains on",
            between_exclusive(0.0, 1.0));
  table.add("w.shift", c.shift, "any number");
  table.section("runtime", "The machine.");
  table.add("runtime.precision", c.precision, "fp32, or bf16 by autocast",
            one_of<ExamplePrecision>(
                {{"fp32", ExamplePrecision::fp32}, {"bf16", ExamplePrecision::bf16}}));
  return table;
}

}  // namespace darts::testing
