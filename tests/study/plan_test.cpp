#include "core/expect_error.hpp"

#include <darts/study/plan.hpp>

namespace darts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<Candidate>& candidates) {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates) {
    names.push_back(candidate.name);
  }
  return names;
}

Study small_study() {
  Study study;
  study.seeds = {4, 6};
  study.searches = {{"first", {}}, {"second", {}}};
  study.random = 2;
  study.training_seeds = {0, 1};
  study.genotypes = {load_genotype("DARTS_V2")};
  study.genotypes[0].name = "DARTS_V2";
  return study;
}

TEST(Plan, HasEverySearchWithEverySeedThenItsRivals) {
  const Study study = small_study();
  const std::vector<Candidate> candidates = candidates_of(study);
  EXPECT_THAT(names(candidates), ElementsAre("first-4", "second-4", "first-6", "second-6",
                                             "random-0", "random-1", "DARTS_V2"));
  EXPECT_EQ(candidates[2].method, "first");
  EXPECT_EQ(candidates[2].trainings.at(1).name, "first-6-t1");
  EXPECT_EQ(search_config(candidates[2]).seed, 6U);
  EXPECT_EQ(search_config(candidates[2]).name, "first-6");
  EXPECT_EQ(training_config(study, candidates[2].trainings[1]).seed, 1U);
  EXPECT_FALSE(candidates[2].genotype.has_value());
  EXPECT_NE(*candidates[4].genotype, *candidates[5].genotype);
  EXPECT_EQ(*candidates[6].genotype, load_genotype("DARTS_V2"));
}

TEST(Plan, PartsShareNothingAndLeaveNothingOut) {
  const Study study = small_study();
  EXPECT_THAT(names(shard(candidates_of(study), 1, 3)),
              ElementsAre("first-4", "second-6", "DARTS_V2"));
  EXPECT_THAT(names(shard(candidates_of(study), 2, 3)), ElementsAre("first-6", "random-0"));
  EXPECT_THAT(names(shard(candidates_of(study), 3, 3)), ElementsAre("second-4", "random-1"));
  EXPECT_THAT(names(shard(candidates_of(study), 1, 2)),
              ElementsAre("first-4", "second-4", "random-0", "DARTS_V2"))
      << "of every method the same number";
  EXPECT_THAT(testing::error_of([&] { shard(candidates_of(study), 4, 3); }),
              HasSubstr("1/3 to 3/3"));
  EXPECT_NE(testing::error_of([&] { shard(candidates_of(study), 0, 3); }), "");
}

TEST(Plan, RefusesTwoOfOneName) {
  Study study = small_study();
  study.genotypes[0].name = "first-4";
  EXPECT_THAT(testing::error_of([&] { candidates_of(study); }), HasSubstr("first-4"));
}

TEST(Plan, RefusesAGenotypeThatWouldCountAsAMethodsResult) {
  for (const std::string name : {"second", "random"}) {
    Study study = small_study();
    study.genotypes[0].name = name;
    EXPECT_THAT(testing::error_of([&] { candidates_of(study); }),
                HasSubstr("the genotype " + name + " has the name of a method"));
  }
}

}  // namespace
}  // namespace darts
