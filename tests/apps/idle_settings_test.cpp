// A setting or option that has no effect is spoken of.
#include "apps/run_fixture.hpp"
#include "support/test_paths.hpp"

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Arguments joined(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class IdleSettingsOfTraining : public TrainFixture {
 protected:
  std::vector<std::string> warnings(const Arguments& arguments) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return lines_with(result.err, "warning: ");
  }
};

TEST_F(IdleSettingsOfTraining, AreNamed) {
  EXPECT_THAT(warnings(joined(recipe(), {"--dry-run"})), IsEmpty());
  const Arguments idle = recipe({"runtime.execution=merged", "w.decay=0.5", "runtime.tf32=true",
                                 "data.hue=0.1", "data.on_error=skip", "train.epochs=1"});
  const auto expected =
      ElementsAre(AllOf(HasSubstr("data.hue has no effect"), HasSubstr("imagenet")),
                  HasSubstr("data.on_error has no effect"), HasSubstr("runtime.tf32 has no effect"),
                  HasSubstr("runtime.execution has no effect: merged is for searches"),
                  HasSubstr("w.decay has no effect: it is for w.schedule exponential"));
  EXPECT_THAT(warnings(idle), expected);
  EXPECT_THAT(warnings(joined(idle, {"--dry-run"})), expected);
}

TEST_F(IdleSettingsOfTraining, ADryRunTriesWhatTheRunIsToStartFrom) {
  const fs::path source = newest_checkpoint(finish(recipe({"train.epochs=1"})));
  const Arguments dry{"--dry-run", "--init-from"};
  EXPECT_THAT(error_of(joined(recipe(), joined(dry, {at("none.safetensors")}))),
              HasSubstr("none.safetensors"));
  EXPECT_THAT(warnings(joined(recipe(), joined(dry, {source}))), IsEmpty());
  const ProgramResult other = run(joined(recipe({"network.channels=4"}), joined(dry, {source})));
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("model.stem.0.weight"));
}

TEST_F(IdleSettingsOfTraining, OptionsOfATestMayBeIdleToo) {
  const fs::path run = finish(recipe({"train.epochs=1"}));
  const auto said = [&](const Arguments& arguments) {
    const ProgramResult result = Program("darts_eval", arguments, at("eval_output")).wait();
    EXPECT_EQ(result.status, 0) << result.err;
    return result.err;
  };
  EXPECT_THAT(warnings({"--resume", run, "--name", "other"}),
              ElementsAre(HasSubstr("--name has no effect beside --resume")));
  const fs::path picture = test_data_folder() / "images/grey.jpg";
  EXPECT_THAT(said({run, "--limit", "5", "--split", "train", "--predict", picture}),
              HasSubstr("warning: without effect beside --predict, which tests on no data set: "
                        "--split, --limit\n"));
  EXPECT_EQ(said({run, "--data-root", at("data"), "--recalibrate", "1", "--predict", picture}), "");
  EXPECT_THAT(said({"--count", "DARTS_V2", "--device", "cpu"}),
              HasSubstr("warning: without effect beside --count, which loads no network and no "
                        "images: --device\n"));
}

class IdleSettingsOfSearch : public SearchFixture {};

TEST_F(IdleSettingsOfSearch, AreNamed) {
  const auto warnings = [&](const std::vector<std::string>& settings) {
    const ProgramResult result = run(joined(recipe(settings), {"--dry-run"}));
    EXPECT_EQ(result.status, 0) << result.err;
    return lines_with(result.err, "warning: ");
  };
  EXPECT_THAT(warnings({}), IsEmpty());
  EXPECT_THAT(warnings({"runtime.recompute=true"}), IsEmpty());
  EXPECT_THAT(warnings({"runtime.recompute=true", "runtime.execution=plain", "data.image_size=64"}),
              ElementsAre(HasSubstr("data.image_size has no effect"),
                          HasSubstr("runtime.recompute has no effect: it is for "
                                    "runtime.execution fused on a CPU")));
  EXPECT_THAT(warnings({"data.train_portion=0.3", "data.portion_w=0.5", "data.portion_alpha=0.5"}),
              ElementsAre(HasSubstr("data.train_portion has no effect")));
  EXPECT_THAT(warnings({"space.edges.normal=[[skip_connect], [none, skip_connect]]",
                        "space.edges.reduce=[[skip_connect], [none, skip_connect]]"}),
              ElementsAre(HasSubstr("space.primitives has no effect")));
}

TEST_F(IdleSettingsOfSearch, ADryRunTriesWhatTheRunIsToStartFrom) {
  const fs::path source = newest_checkpoint(finish(recipe({"search.epochs=1"})));
  const Arguments dry{"--dry-run", "--init-from", source};
  EXPECT_EQ(run(joined(recipe(), dry)).status, 0);
  EXPECT_THAT(run(joined(recipe({"space.channels=4"}), dry)).err, HasSubstr("model.stem"));
  EXPECT_THAT(error_of({"--derive", source, "--dry-run"}), HasSubstr("--dry-run"));
  EXPECT_THAT(error_of({"--derive", source, "--set", "space.edges_per_node=1"}),
              HasSubstr("--set goes with a run directory"));
}

}  // namespace
}  // namespace darts::testing
