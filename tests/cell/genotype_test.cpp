#include "cell/example_genotype.hpp"
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "support/test_paths.hpp"

#include <darts/cell/genotype.hpp>
#include <darts/core/atomic_file.hpp>
#include <darts/core/resources.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using testing::error_of;
using testing::example_genotype;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

TEST(Genotype, EveryBuiltInFileLoadsByName) {
  const auto names = resource_names(ResourceKind::genotype);
  EXPECT_THAT(names, IsSupersetOf({"DARTS_V1", "DARTS_V2", "NASNet", "AmoebaNet"}));
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Genotype genotype = load_genotype(name);
    EXPECT_EQ(genotype.name, name);
    EXPECT_GE(genotype.normal.nodes.size(), 4U);
    EXPECT_EQ(genotype_from_json(format_json(to_json(genotype)), "x"), genotype);
    EXPECT_EQ(genotype_from_notation(to_notation(genotype), "x"), genotype);
  }
}

TEST(Genotype, NasNetAndAmoebaNetHaveNodesThatReadOneStateTwice) {
  for (const std::string name : {"NASNet", "AmoebaNet"}) {
    const Genotype genotype = load_genotype(name);
    EXPECT_EQ(genotype.normal.nodes.size(), 5U);
    bool twice = false;
    for (const auto& node : genotype.normal.nodes) {
      twice = twice || node[0].from == node[1].from;
    }
    EXPECT_TRUE(twice) << name;
  }
}

TEST(Genotype, LoadsFilesOfBothKindsAndRunDirectories) {
  const testing::TemporaryFolder folder;
  const Genotype genotype = example_genotype();
  write_file_atomically(folder / "genotype.json", format_json(to_json(genotype)));
  write_file_atomically(folder / "mine.txt", "X = " + to_notation(genotype) + "\n");

  const Genotype from_json = load_genotype((folder / "genotype.json").string());
  EXPECT_EQ(from_json, genotype);
  EXPECT_EQ(from_json.name, genotype.name);
  EXPECT_EQ(load_genotype(folder.path().string()), genotype);
  const Genotype from_text = load_genotype((folder / "mine.txt").string());
  EXPECT_EQ(from_text, genotype);
  EXPECT_EQ(from_text.name, "mine");
}

TEST(Genotype, ReadsTheFilesThatReadersGotWrong) {
  const auto load = [](const std::string& given) {
    return load_genotype(testing::test_data_folder() / "genotypes" / given);
  };
  for (const char* given :
       {"commented_out_first.txt", "two_named.txt:SECOND", "two_named.txt:BEST"}) {
    EXPECT_EQ(load(given), load_genotype("DARTS_V2")) << given;
  }
  EXPECT_EQ(load("two_named.txt:FIRST").name, "FIRST");
  EXPECT_EQ(load("positional.txt").normal.nodes.size(), 1U);
  EXPECT_EQ(load("one_list_per_node.txt").reduce.nodes.at(1).at(1).from, 2);
  EXPECT_EQ(load("byte_order_mark.json").name, "mark");
  EXPECT_EQ(load("third_number.txt").normal.nodes.at(1).at(0).from, 2);
  const Genotype fair = load("state_entered.txt");
  EXPECT_EQ(fair.normal.nodes.size(), 4U);
  EXPECT_TRUE(fair.normal.nodes.at(1).empty());
  EXPECT_EQ(fair.normal.nodes.at(2).at(0).operation.name(), "max_pool_3x3");
  EXPECT_EQ(fair.normal.nodes.at(2).at(0).from, 0);
  EXPECT_EQ(fair.normal.concat, (std::vector<std::int64_t>{2, 4, 5}));
  EXPECT_EQ(fair.reduce.nodes.at(3).at(1).from, 1);
  EXPECT_THAT(error_of([&] { load("two_named.txt"); }),
              HasSubstr("2 genotypes: FIRST (line 1), SECOND (line 2)"));
  EXPECT_THAT(error_of([&] { load("byte_order_mark.json:mark"); }),
              HasSubstr("holds one genotype; leave out :mark"));
}

TEST(Genotype, WhatCannotBeLoadedIsAnErrorThatNamesIt) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { load_genotype(folder.path().string()); }),
              AllOf(HasSubstr(folder.path().string()), HasSubstr("no genotype.json")));
  EXPECT_THAT(error_of([] { load_genotype("DARTS_V9"); }),
              AllOf(HasSubstr("DARTS_V9"), HasSubstr("DARTS_V2")));
  write_file_atomically(folder / "empty.json", "");
  EXPECT_THAT(error_of([&] { load_genotype((folder / "empty.json").string()); }),
              HasSubstr((folder / "empty.json").string()));
  write_file_atomically(folder / "binary.json", std::string("\x89PNG\r\n\0\0\xff", 9));
  error_of([&] { load_genotype((folder / "binary.json").string()); });
}

TEST(Genotype, SkipConnectionsAreCountedACell) {
  EXPECT_EQ(count_skip_connections(example_genotype().normal), 2);
  EXPECT_EQ(count_skip_connections(example_genotype().reduce), 0);
}

TEST(Genotype, EqualityIsOfTheCellsWhateverTheName) {
  Genotype other = example_genotype();
  other.name = "another";
  EXPECT_EQ(other, example_genotype());
  other.reduce.concat = {2, 3};
  EXPECT_NE(other, example_genotype());
}

}  // namespace
}  // namespace darts
