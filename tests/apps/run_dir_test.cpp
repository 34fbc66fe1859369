// --run-dir: the same command starts a run and goes on with it.

#include "apps/run_fixture.hpp"

#include <csignal>
#include <fstream>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SearchRunDir : public SearchFixture {
 protected:
  Arguments in_place(const std::vector<std::string>& settings = {}) const {
    Arguments arguments = recipe(settings);
    arguments.insert(arguments.end(), {"--run-dir", place().string()});
    return arguments;
  }
  fs::path place() const { return at("here/it goes"); }
};

TEST_F(SearchRunDir, StartsThereAndGoesOnWithTheSameCommand) {
  const fs::path elsewhere = finish(recipe());
  Program program = start(in_place());
  ASSERT_TRUE(program.until(
      [&] { return lines_with(bytes_of(place() / "metrics.jsonl"), "{").size() >= 2; }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().status, 143);
  EXPECT_EQ(finish(in_place()), place());
  EXPECT_EQ(bytes_of(place() / "alphas.jsonl"), bytes_of(elsewhere / "alphas.jsonl"));
  const ProgramResult again = run(in_place());  // nothing is left to do
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(bytes_of(place() / "alphas.jsonl"), bytes_of(elsewhere / "alphas.jsonl"));
}

TEST_F(SearchRunDir, TakesAFolderWhereARunWasKilledBeforeItBegan) {
  fs::create_directories(place() / "checkpoints");
  std::ofstream(place() / "lock") << "1\n";
  EXPECT_EQ(finish(in_place()), place());
}

TEST_F(SearchRunDir, RefusesAnotherConfigAndFoldersOfOtherThings) {
  finish(in_place({"search.epochs=1"}));
  EXPECT_THAT(error_of(in_place({"search.epochs=1", "seed=5"})), HasSubstr("seed"));
  fs::remove_all(place());
  fs::create_directories(place());
  std::ofstream(place() / "thesis.tex") << "years of work";
  EXPECT_THAT(error_of(in_place()), AllOf(HasSubstr("is not empty"), HasSubstr("it goes")));
  EXPECT_TRUE(fs::exists(place() / "thesis.tex"));
}

class TrainRunDir : public TrainFixture {};

TEST_F(TrainRunDir, GoesOnAndRefusesAnotherGenotype) {
  Arguments arguments = recipe({"train.epochs=1"});
  arguments.insert(arguments.end(), {"--run-dir", at("trained").string()});
  EXPECT_EQ(finish(arguments), at("trained"));
  EXPECT_EQ(finish(arguments), at("trained"));
  fs::copy_file(genotype_file(), at("first.txt"));
  std::ofstream(genotype_file())
      << "DARTS = Genotype(normal=[[('skip_connect', 0)]], normal_concat="
         "[2], reduce=[[('skip_connect', 0)]], reduce_concat=[2])";
  EXPECT_THAT(error_of(arguments), HasSubstr("trains another genotype"));
}

}  // namespace
}  // namespace darts::testing
