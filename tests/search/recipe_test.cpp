// The recipes in configs/search.

#include "support/test_paths.hpp"

#include <darts/core/text.hpp>
#include <darts/run/load_config.hpp>
#include <darts/search/search_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace darts {
namespace {

namespace fs = std::filesystem;

SearchConfig recipe(const std::string& name) {
  return load_config<SearchConfig>(testing::configs_folder() / "search" / (name + ".yaml"));
}

/// The keys whose values are not as in another config, all methods' among them.
std::vector<std::string> differences(SearchConfig config, SearchConfig other) {
  const FieldTable table = fields(config);
  const FieldTable others = fields(other);
  std::vector<std::string> keys;
  for (const std::string& key : table.keys()) {
    if (table.value(key) != others.value(key)) {
      keys.push_back(key);
    }
  }
  return keys;
}

/// Recipes of one method, and what the method is called.
const std::map<std::string, std::string> method_recipes{
    {"pc_darts", "pc-darts"},     {"gdas", "gdas"},
    {"fair_darts", "fair-darts"}, {"sdarts_rs", "sdarts-rs"},
    {"sdarts_adv", "sdarts-adv"}, {"gaea", "gaea"},
    {"darts_minus", "darts-"},    {"beta_darts", "beta-darts"},
    {"p_darts", "p-darts"},       {"drnas", "drnas"}};

TEST(Recipe, EveryOneCanBeReadAndSaysWhatHasAnEffect) {
  int count = 0;
  for (const auto& file : fs::directory_iterator(testing::configs_folder() / "search")) {
    const std::string name = file.path().stem().string();
    SCOPED_TRACE(name);
    const SearchConfig config = recipe(name);
    EXPECT_EQ(config.name, name);
    EXPECT_NO_THROW(supernet_options(config, first_stage(config), 3, 10));
    EXPECT_THAT(unused_method_settings(config), ::testing::IsEmpty());
    ++count;
  }
  EXPECT_GT(count, 20);
}

TEST(Recipe, ThoseOfMethodsChooseTheirs) {
  for (const auto& [name, method] : method_recipes) {
    for (const std::string& file : {name, "quick_" + name}) {
      EXPECT_EQ(recipe(file).search.method, method) << file;
      EXPECT_EQ(recipe(file).search.order, SearchOrder::first) << file;
    }
    EXPECT_EQ(recipe(name).data.set.name, "cifar10") << name;
    EXPECT_LE(recipe("quick_" + name).search.epochs, 6) << name;
  }
}

TEST(Recipe, PcDartsIsItsAuthors) {
  EXPECT_THAT(differences(recipe("pc_darts"), recipe("cifar10")),
              ::testing::UnorderedElementsAre("name", "search.method", "search.order",
                                              "search.batch_size", "w.learning_rate",
                                              "w.learning_rate_min", "alpha.learning_rate"));
  const SearchConfig config = recipe("pc_darts");
  EXPECT_EQ(config.search.batch_size, 256);
  EXPECT_EQ(config.w.learning_rate, 0.1);
  EXPECT_EQ(config.w.learning_rate_min, 0.0);
  EXPECT_EQ(config.alpha.learning_rate, 6e-4);
}

TEST(Recipe, GdasIsItsAuthors) {
  EXPECT_THAT(differences(recipe("gdas"), recipe("cifar10")),
              ::testing::UnorderedElementsAre("name", "space.cells", "search.method",
                                              "search.order", "search.epochs", "search.batch_size",
                                              "w.nesterov", "w.weight_decay"));
  EXPECT_EQ(recipe("gdas").search.epochs, 250);
}

TEST(Recipe, RDartsAreTheTwoWaysOfItsAuthors) {
  EXPECT_THAT(differences(recipe("r_darts_l2"), recipe("cifar10")),
              ::testing::UnorderedElementsAre("name", "search.curvature_every", "w.weight_decay"));
  EXPECT_THAT(differences(recipe("r_darts_da"), recipe("cifar10")),
              ::testing::UnorderedElementsAre("name", "search.curvature_every", "search.drop_path",
                                              "search.cutout_rises", "data.cutout"));
  const SearchConfig config = recipe("r_darts_da");
  EXPECT_TRUE(supernet_options(config, first_stage(config), 3, 10).edge.drop_path);
}

TEST(Recipe, ImagenetIsPcDartsThere) {
  SearchConfig config = recipe("imagenet");
  EXPECT_EQ(config.search.method, "pc-darts");
  const FieldTable table = fields(config);
  EXPECT_EQ(table.value("pc_darts.partial"), "2");
  EXPECT_EQ(table.value("pc_darts.frozen_epochs"), "35");
  EXPECT_EQ(supernet_options(config, first_stage(config), 3, 1000).edge.partial, 2);
}

}  // namespace
}  // namespace darts
