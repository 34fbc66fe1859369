// Runs of the other program, checkpoints of runs that had diverged, too few images.
#include "apps/run_fixture.hpp"

#include <darts/core/checkpoint.hpp>

#include <nlohmann/json.hpp>

#include <limits>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Puts NaN into the first number of a tensor of a checkpoint file.
void break_tensor(const fs::path& file, const std::string& name) {
  Checkpoint checkpoint = load_checkpoint(file);
  checkpoint.tensors.at(name).view({-1})[0] = std::numeric_limits<double>::quiet_NaN();
  save_checkpoint(file, checkpoint);
}

std::string error_of_program(const std::string& name, const Arguments& arguments,
                             const fs::path& scratch) {
  const ProgramResult result = Program(name, arguments, scratch).wait();
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_TRUE(result.err.starts_with("error: ")) << result.err;
  EXPECT_EQ(lines_with(result.err, "").size(), 1U) << result.err;
  return result.err;
}

class WrongTraining : public TrainFixture {
 protected:
  std::string error_of_other(const std::string& name, const Arguments& arguments) const {
    return error_of_program(name, arguments, at("other_output"));
  }
};

TEST_F(WrongTraining, BelongsToItsProgram) {
  const fs::path run = finish(recipe({"train.epochs=1"}));
  EXPECT_EQ(error_of_other("darts_search", {"--resume", run}),
            "error: " + run.string() + " is a run of darts_train; use: darts_train --resume " +
                run.string() + "\n");
  EXPECT_THAT(error_of_other("darts_search", {"--derive", run}),
              HasSubstr("is a run of darts_train, which has no alphas"));
  EXPECT_THAT(error_of_other("darts_search", {"--derive", newest_checkpoint(run)}),
              HasSubstr("is a checkpoint of a training"));
}

TEST_F(WrongTraining, IsNotTestedOnceItHasDiverged) {
  const fs::path run = finish(recipe({"train.epochs=1", "run.keep_checkpoints=9"}));
  const fs::path newest = newest_checkpoint(run);
  const fs::path older = run / "checkpoints/epoch_000_step_000000.safetensors";
  break_tensor(newest, "model.classifier.weight");
  const std::string found =
      newest.string() + " holds numbers that are not finite (model.classifier";
  EXPECT_THAT(error_of_other("darts_eval", {run}), HasSubstr(found));
  EXPECT_FALSE(fs::exists(run / "test.json"));
  EXPECT_THAT(error_of_other("darts_eval", {run, "--predict", "x.jpg"}), HasSubstr(found));
  EXPECT_THAT(error_of({"--resume", run}),
              AllOf(HasSubstr(found), HasSubstr("the training had diverged before it was saved"),
                    HasSubstr("remove the checkpoints after " + older.string())));
  Arguments from = recipe();
  from.insert(from.end(), {"--init-from", newest});
  EXPECT_THAT(error_of(from), HasSubstr("take an older checkpoint"));
  fs::remove(newest);  // as the message says
  EXPECT_EQ(finish({"--resume", run}), run);
}

TEST_F(WrongTraining, HasTooFewImages) {
  EXPECT_EQ(error_of(recipe({"data.limit=1"})),
            "error: data.limit: 1 image to train on, and batch norm needs at least 2\n");
  Arguments dry = recipe({"data.limit=1"});
  dry.emplace_back("--dry-run");
  EXPECT_THAT(run(dry).err, HasSubstr("error: data.limit: 1 image"));
  EXPECT_TRUE(fs::is_empty(runs()));
}

TEST_F(WrongTraining, HasNoGenotypeAnyMore) {
  const fs::path run = finish(recipe({"train.epochs=1"}));
  fs::remove(run / "genotype.json");
  EXPECT_THAT(error_of({"--resume", run}), HasSubstr(run.string() + ": no genotype.json in this"));
}

TEST_F(WrongTraining, HasRatesThatRiseOrThatNoStepHolds) {
  EXPECT_THAT(error_of(recipe({"w.learning_rate=0.01", "w.learning_rate_min=0.5"})),
              HasSubstr("w.learning_rate_min: 0.5 is above w.learning_rate, 0.01"));
  EXPECT_THAT(error_of(recipe({"w.clip_norm=1e39"})),
              HasSubstr("w.clip_norm=1e39: must be greater than 0 and at most 1e+30"));
  EXPECT_TRUE(fs::is_empty(runs()));
}

class WrongSearch : public SearchFixture {
 protected:
  std::string error_of_other(const std::string& name, const Arguments& arguments) const {
    return error_of_program(name, arguments, at("other_output"));
  }
};

TEST_F(WrongSearch, BelongsToItsProgram) {
  const fs::path run = finish(recipe({"search.epochs=1"}));
  EXPECT_EQ(error_of_other("darts_train", {"--resume", run}),
            "error: " + run.string() + " is a run of darts_search; use: darts_search --resume " +
                run.string() + "\n");
  for (const Arguments& arguments : {Arguments{run}, Arguments{run, "--best"}}) {
    EXPECT_THAT(error_of_other("darts_eval", arguments),
                HasSubstr("is a run of darts_search, which trains no network to be tested; train "
                          "what it found: darts_train --genotype " +
                          run.string()));
  }
}

TEST_F(WrongSearch, GoesOnFromNumbersThatAreFinite) {
  const fs::path run = finish(recipe({"search.epochs=1"}));
  break_tensor(newest_checkpoint(run), "model.alphas_normal");
  EXPECT_THAT(error_of({"--resume", run}),
              AllOf(HasSubstr("(model.alphas_normal): the search had diverged")));
  EXPECT_THAT(error_of({"--derive", newest_checkpoint(run)}),
              HasSubstr("alphas_normal holds numbers that are not finite"));
}

TEST_F(WrongSearch, HasTooFewImages) {
  EXPECT_THAT(
      error_of(recipe({"data.limit=1"})),
      HasSubstr("data.limit and data.train_portion: 1 images are split into 0 for w and 1"));
}

}  // namespace
}  // namespace darts::testing
