#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"
#include "core/write_text.hpp"

#include <darts/study/study.hpp>

#include <nlohmann/json.hpp>

namespace darts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StudyFileTest : public ::testing::Test {
 protected:
  Study load(const std::string& yaml) const {
    testing::write_text(file(), yaml);
    return load_study(file());
  }
  std::string error_of(const std::string& yaml) const {
    return testing::error_of([&] { load(yaml); });
  }
  std::filesystem::path file() const { return folder_ / "study.yaml"; }

  testing::TemporaryFolder folder_;
};

TEST_F(StudyFileTest, SettingsOfASearchComeAfterThoseOfAllAndAfterItsRecipe) {
  const Study study = load(
      "name: small\nhold_out: 500\nseeds: [3, 5]\nrandom: 2\ngenotypes: [DARTS_V2]\n"
      "every_search:\n  extends: cifar10\n  space: {cells: 5, channels: 4}\n"
      "searches:\n  first: {search.order: first}\n"
      "  wide: {extends: pc_darts, space: {channels: 12}}\n  plain: {}\n"
      "training: {extends: cifar10_hour, train: {epochs: 3}}\ntraining_seeds: 7\n");
  EXPECT_EQ(study.name, "small");
  EXPECT_THAT(study.seeds, ElementsAre(3, 5));
  EXPECT_THAT(study.training_seeds, ElementsAre(7));
  ASSERT_EQ(study.searches.size(), 3U);
  const SearchConfig& first = study.searches[0].config;
  EXPECT_EQ(study.searches[0].name, "first");
  EXPECT_EQ(first.search.order, SearchOrder::first);
  EXPECT_EQ(first.space.cells, 5);
  EXPECT_EQ(first.data.hold_out, 500);
  const SearchConfig& wide = study.searches[1].config;
  EXPECT_EQ(wide.search.method, "pc-darts");
  EXPECT_EQ(wide.space.channels, 12);
  EXPECT_EQ(wide.space.cells, 5);
  EXPECT_EQ(study.searches[2].config.search.order, SearchOrder::second);
  EXPECT_EQ(study.training.train.epochs, 3);
  EXPECT_EQ(study.training.data.hold_out, 500);
  ASSERT_EQ(study.genotypes.size(), 1U);
  EXPECT_EQ(study.genotypes[0].name, "DARTS_V2");
}

TEST_F(StudyFileTest, TakesListsAndFilesBesideIt) {
  testing::write_text(folder_ / "mine.yaml", "extends: cifar10.yaml\nspace: {cells: 3}\n");
  testing::write_text(folder_ / "cell.txt",
                      "Genotype(normal=[[('skip_connect', 0)]], normal_concat=[2], "
                      "reduce=[[('skip_connect', 0)]], reduce_concat=[2])");
  const Study study = load(
      "hold_out: 1\ngenotypes: [cell.txt]\nsearches:\n  a:\n    extends: mine.yaml\n"
      "    space:\n      nodes: 1\n      primitives: [skip_connect, none]\n"
      "      edges: {normal: [[skip_connect], [none, skip_connect]]}\n"
      "training: {extends: cifar10}\n");
  const auto& space = study.searches.at(0).config.space;
  EXPECT_EQ(space.cells, 3);
  EXPECT_THAT(space.primitives, ElementsAre("skip_connect", "none"));
  EXPECT_THAT(space.edges.normal,
              ElementsAre(ElementsAre("skip_connect"), ElementsAre("none", "skip_connect")));
  EXPECT_EQ(study.genotypes.at(0).name, "cell");
}

TEST_F(StudyFileTest, CallsGivenGenotypesSoThatTheyCanBeToldApart) {
  const std::string cell =
      "Genotype(normal=[[('skip_connect', 0)]], normal_concat=[2], "
      "reduce=[[('skip_connect', 0)]], reduce_concat=[2])\n";
  testing::write_text(folder_ / "cells.txt", "A = " + cell + "B = " + cell);
  for (const std::string run : {"lr0.025-1", "lr0.1-1"}) {
    std::filesystem::create_directories(folder_ / run);
    testing::write_text(folder_ / run / "genotype.json",
                        format_json(to_json(load_genotype("DARTS_V1"))));
  }
  const Study study = load(
      "hold_out: 5\ngenotypes: [cells.txt:A, cells.txt:B, lr0.025-1, lr0.1-1/, "
      "PDARTS]\ntraining: {extends: cifar10}\n");
  std::vector<std::string> names;
  for (const Genotype& genotype : study.genotypes) {
    names.push_back(genotype.name);
  }
  EXPECT_THAT(names, ElementsAre("A", "B", "lr0.025-1", "lr0.1-1", "PDARTS"));
}

TEST_F(StudyFileTest, DrawsFromTheSpaceOfTheSearchesOrSaysThatItCannot) {
  const std::string head = "hold_out: 5\nseeds: [0]\nrandom: 2\ntraining: {extends: cifar10}\n";
  const auto spaces = [&](const std::string& searches) {
    const Study study = load(head + searches);
    return std::pair(study.random_space == search_space(study.searches.front().config),
                     ::testing::PrintToString(study.warnings));
  };
  const auto [own, quiet] =
      spaces("searches:\n  a: {space: {name: s1}}\n  b: {space: {name: s1}}\n");
  EXPECT_TRUE(own);
  EXPECT_THAT(quiet, ::testing::Not(HasSubstr("space")));
  const auto [capped, quiet_too] = spaces(
      "searches:\n  a: {derive: {max_skips: 2}}\n  b: {space: {primitives: [skip_connect, "
      "max_pool_3x3, avg_pool_3x3, sep_conv_3x3, sep_conv_5x5, dil_conv_3x3, dil_conv_5x5]}}\n");
  EXPECT_FALSE(capped) << "but the genotypes are those of every_search's";
  EXPECT_THAT(quiet_too, ::testing::Not(HasSubstr("its space")));
  EXPECT_THAT(error_of(head + "searches: {a: {space: {nodes: 3, edges_per_node: [2, 2, 2, 2]}}}\n"),
              HasSubstr("study.yaml: searches.a: "));
  const auto [other, warned] = spaces("searches:\n  a: {space: {name: s1}}\n  b: {}\n");
  EXPECT_FALSE(other);
  EXPECT_THAT(warned, AllOf(HasSubstr("searches.a: its space is not the one"),
                            ::testing::Not(HasSubstr("searches.b: its space"))));
}

TEST_F(StudyFileTest, SaysFileLineAndKeyOfWhatIsWrong) {
  const std::string at = file().string() + ":";
  const std::string head = "hold_out: 5\nrandom: 1\n";
  EXPECT_THAT(error_of(head + "searches:\n  a:\n    space: {cell: 5}\n"),
              AllOf(HasSubstr(at + "5: searches.a.space.cell: "), HasSubstr("space.cells")));
  EXPECT_THAT(error_of(head + "training: {train.epochs: 0}\n"),
              HasSubstr(at + "3: training.train.epochs"));
  EXPECT_THAT(error_of(head + "every_search: 5\n"), HasSubstr("expected a section"));
  EXPECT_THAT(error_of(head + "serches: {}\n"), HasSubstr("did you mean searches?"));
  EXPECT_THAT(error_of(head + "of_course: 1\n"), HasSubstr("--help-study"));
  EXPECT_THAT(error_of(head + "searches: [a, b]\n"), HasSubstr("NAME: {…}"));
  EXPECT_THAT(error_of(head), HasSubstr("training is missing"));
  EXPECT_THAT(error_of(head + "training: {extends: nowhere}\n"), HasSubstr("nowhere"));
  EXPECT_THAT(error_of(head + "genotypes: [nowhere]\n"), HasSubstr("nowhere"));
  EXPECT_THAT(error_of(head + "searches: {random: {}}\n"), HasSubstr("a search is named by"));
  EXPECT_THAT(error_of(head + "searches: {a/b: {}}\n"), HasSubstr("a search is named by"));
  EXPECT_THAT(error_of(head + "seeds: [1, 1]\n"), HasSubstr("seeds: a seed is given twice"));
  const std::string retrained = head + "training: {extends: cifar10}\n";
  EXPECT_THAT(error_of(retrained + "searches: {a: {search: {method: sdarts-rs, order: joint}}}\n"),
              AllOf(HasSubstr("searches.a"), HasSubstr("search.order")));
}

TEST_F(StudyFileTest, WarnsOfWhatMayNotBeMeant) {
  const std::string head = "hold_out: 5\nseeds: [0]\n";
  const Study quiet = load(head +
                           "every_search: {extends: cifar10, space: {cells: 3}}\n"
                           "searches: {a: {search: {order: first}}}\n"
                           "training: {extends: cifar10}\n");
  EXPECT_THAT(quiet.warnings, ElementsAre());
  const Study study = load(head +
                           "every_search: {extends: cifar10, space: {cells: 3}, alpha: "
                           "{learning_rate: 0.002}}\n"
                           "searches:\n  gaea: {extends: gaea}\n"
                           "  meant: {extends: gaea, alpha: {learning_rate: 0.5}}\n"
                           "  rs: {search: {method: sdarts-rs, order: first}, gaea: {partial: 2}}\n"
                           "training: {extends: fashion_mnist}\n");
  EXPECT_THAT(study.warnings,
              ::testing::IsSupersetOf<::testing::Matcher<std::string>>(
                  {AllOf(HasSubstr("searches.gaea: every_search's alpha.learning_rate, 0.002"),
                         HasSubstr("(gaea), 0.1")),
                   AllOf(HasSubstr("searches.rs: gaea.partial has no effect")),
                   HasSubstr("searches.rs: its data set is cifar10, the trainings' is")}));
  for (const std::string& warning : study.warnings) {
    EXPECT_EQ(warning.find("space.cells"), std::string::npos) << "no recipe of a method sets it";
    EXPECT_EQ(warning.find("meant: every_search"), std::string::npos) << "it has its own word";
  }
}

TEST_F(StudyFileTest, RefusesWhatTheStudyItselfDecides) {
  for (const std::string setting :
       {"seed: 1", "name: x", "data: {hold_out: 3}", "run: {root: x}"}) {
    EXPECT_THAT(error_of("hold_out: 5\nrandom: 1\nevery_search: {" + setting + "}\n"),
                HasSubstr("not in a study"))
        << setting;
  }
}

TEST_F(StudyFileTest, GivesEveryTrainingAllOfItsEpochs) {
  EXPECT_THAT(error_of("hold_out: 5\nrandom: 1\ntraining: {train: {max_hours: 2}}\n"),
              HasSubstr("train.max_hours"));
}

TEST_F(StudyFileTest, HasANameThatAFolderCanHave) {
  EXPECT_THAT(error_of("name: ../evil\nhold_out: 10\nrandom: 3\n"),
              HasSubstr("name: \"../evil\" cannot be the name of a folder"));
}

TEST_F(StudyFileTest, HasLearningRatesThatFall) {
  EXPECT_THAT(error_of("hold_out: 10\nrandom: 3\ntraining: {w: {learning_rate: 0.1, "
                       "learning_rate_min: 0.2}}\n"),
              HasSubstr("training: w.learning_rate_min: 0.2 is above w.learning_rate, 0.1"));
}

TEST_F(StudyFileTest, NeedsImagesToRankByAndSomethingToRank) {
  EXPECT_THAT(error_of("random: 3\n"), HasSubstr("hold_out is missing"));
  EXPECT_THAT(error_of("hold_out: 0\nrandom: 3\n"), HasSubstr("hold_out"));
  EXPECT_THAT(error_of("hold_out: 10\n"), HasSubstr("nothing to compare"));
}

TEST_F(StudyFileTest, ItsFormatsExampleIsAStudy) {
  const std::string format = study_format();
  std::string example = format.substr(format.find("For example:\n\n") + 14);
  EXPECT_EQ(load(example).searches.size(), 2U);
}

}  // namespace
}  // namespace darts
