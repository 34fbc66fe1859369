// Classes are known by their names: in tests, in runs that go on, in runs that start from others.
#include "apps/run_fixture.hpp"
#include "support/write_png.hpp"

#include <darts/core/checkpoint.hpp>

#include <ATen/ops/randint.h>

#include <nlohmann/json.hpp>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A folder of pictures of the classes ant, bee and cat, four of each to train and to test on.
std::vector<std::string> write_pictures(const fs::path& root) {
  for (const std::string split : {"train", "test"}) {
    int shade = 0;
    for (const std::string name : {"ant", "bee", "cat"}) {
      for (int i = 0; i < 4; ++i) {
        write_png(root / split / name / (std::to_string(i) + ".png"),
                  at::randint(shade, shade + 90, {16, 16, 3}, at::kByte));
      }
      shade += 80;
    }
  }
  return {"data.dataset=image_folder", "data.root=" + root.string(), "data.image_size=16"};
}

nlohmann::json meta_of(const fs::path& checkpoint) {
  return nlohmann::json::parse(load_checkpoint(checkpoint).meta);
}

/// Writes a checkpoint as a version wrote it that knew nothing of images.
void forget_images(const fs::path& file) {
  Checkpoint checkpoint = load_checkpoint(file);
  auto meta = nlohmann::ordered_json::parse(checkpoint.meta);
  meta.erase("images");
  checkpoint.meta = meta.dump();
  save_checkpoint(file, checkpoint);
}

class ClassNamesOfTraining : public TrainFixture {
 protected:
  ClassNamesOfTraining() : run_(finish(recipe(settings()))) {}

  std::vector<std::string> settings() const {
    std::vector<std::string> settings = write_pictures(at("pictures"));
    settings.insert(settings.end(),
                    {"train.batch_size=4", "train.epochs=2", "network.auxiliary=0"});
    return settings;
  }
  fs::path copy_of_pictures(const std::string& name) const {
    fs::copy(at("pictures"), at(name), fs::copy_options::recursive);
    return at(name);
  }
  ProgramResult eval(const Arguments& arguments) const {
    return Program("darts_eval", arguments, at("eval_output")).wait();
  }
  nlohmann::json report(const fs::path& root) const {
    const ProgramResult result =
        eval({run_, "--data-root", root, "--json", at("report.json"), "--threads", "1"});
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(bytes_of(at("report.json")));
  }

  fs::path run_;
};

TEST_F(ClassNamesOfTraining, ATestMatchesThem) {
  const nlohmann::json whole = report(at("pictures"));
  const fs::path fewer = copy_of_pictures("fewer");
  fs::remove_all(fewer / "train/ant");
  fs::remove_all(fewer / "test/ant");
  const nlohmann::json part = report(fewer);
  EXPECT_EQ(part.at("images"), 8);
  EXPECT_EQ(part.at("confusion").at(0), nlohmann::json({0, 0, 0}));
  EXPECT_EQ(part.at("confusion").at(1), whole.at("confusion").at(1));
  EXPECT_EQ(part.at("confusion").at(2), whole.at("confusion").at(2));
  EXPECT_EQ(part.at("classes").at(2).at("name"), "cat");
  fs::remove_all(fewer / "train");  // which a test does not need
  EXPECT_EQ(report(fewer).at("confusion"), part.at("confusion"));

  fs::rename(fewer / "test/bee", fewer / "test/wasp");
  const ProgramResult refused = eval({run_, "--data-root", fewer});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("does not know: \"wasp\";"), HasSubstr("\"ant\"")));
}

TEST_F(ClassNamesOfTraining, ARunGoesOnWithItsOwnImages) {
  EXPECT_EQ(meta_of(newest_checkpoint(run_)).at("images").at("class_names"),
            nlohmann::json({"ant", "bee", "cat"}));
  const fs::path moved = copy_of_pictures("moved");
  EXPECT_EQ(finish({"--resume", run_, "--data-root", moved}), run_);
  const fs::path picture = moved / "train/ant/0.png";
  fs::copy_file(picture, moved / "train/ant/x.png");
  const Arguments resume{"--resume", run_, "--data-root", moved};
  EXPECT_THAT(error_of(resume), HasSubstr("now 13 training images, then 12"));
  fs::remove(picture);
  EXPECT_THAT(error_of(resume), HasSubstr("as many training images as then, 12, but other ones"));
  fs::rename(moved / "train/ant/x.png", picture);
  fs::remove(moved / "test/cat/3.png");
  EXPECT_THAT(error_of(resume), HasSubstr("now 11 test images, then 12"));
  for (const std::string split : {"train", "test"}) {
    fs::rename(moved / split / "bee", moved / split / "wasp");
  }
  EXPECT_THAT(error_of(resume), AllOf(HasSubstr("number 2: now \"cat\", then \"bee\""),
                                      HasSubstr(newest_checkpoint(run_).string())));
  forget_images(newest_checkpoint(run_));  // what was saved before tells of the classes alone
  EXPECT_THAT(error_of(resume), HasSubstr("then \"bee\""));
  for (const std::string split : {"train", "test"}) {
    fs::rename(moved / split / "wasp", moved / split / "bee");
  }
  EXPECT_EQ(finish(resume), run_);
}

TEST_F(ClassNamesOfTraining, AClassifierOfOthersIsDrawnAnew) {
  const fs::path source = newest_checkpoint(run_);
  const auto first_of = [&](const std::string& root, bool drawn) {
    Arguments arguments = recipe(settings());
    arguments.insert(arguments.end(),
                     {"--set", "data.root=" + at(root).string(), "--init-from", source, "--set",
                      "train.epochs=1", "--set", "run.keep_checkpoints=9"});
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    const auto says = HasSubstr("drawn anew");
    EXPECT_THAT(result.out, drawn ? ::testing::Matcher<std::string>(
                                        AllOf(says, HasSubstr("classifier.weight"),
                                              HasSubstr("\"wasp\""), HasSubstr("\"ant\"")))
                                  : ::testing::Matcher<std::string>(Not(says)));
    return load_checkpoint(run_directory_of(result.out) /
                           "checkpoints/epoch_000_step_000000.safetensors");
  };
  const fs::path renamed = copy_of_pictures("renamed");
  for (const std::string split : {"train", "test"}) {
    fs::rename(renamed / split / "bee", renamed / split / "wasp");
  }
  const Checkpoint given = load_checkpoint(source);
  const auto same = [&](const Checkpoint& taken, const std::string& name) {
    return require(taken, name).equal(require(given, name));
  };
  const Checkpoint kept = first_of("pictures", false);
  EXPECT_TRUE(same(kept, "model.classifier.weight"));
  const Checkpoint drawn = first_of("renamed", true);
  EXPECT_FALSE(same(drawn, "model.classifier.weight"));
  EXPECT_TRUE(same(drawn, "model.stem.0.weight"));
}

class ClassNamesOfSearch : public SearchFixture {};

TEST_F(ClassNamesOfSearch, ARunGoesOnWithThemAndAClassifierOfOthersIsDrawnAnew) {
  std::vector<std::string> settings = write_pictures(at("pictures"));
  settings.emplace_back("run.keep_checkpoints=9");
  const fs::path run = finish(recipe(settings));
  const fs::path source = newest_checkpoint(run);
  const fs::path train = at("pictures/train");
  fs::rename(train / "ant/0.png", train / "ant/x.png");
  EXPECT_THAT(error_of({"--resume", run}), HasSubstr("as many training images as then, 12, but"));
  fs::rename(train / "bee", train / "wasp");
  EXPECT_THAT(error_of({"--resume", run}), HasSubstr("number 2: now \"cat\", then \"bee\""));

  Arguments arguments = recipe(settings);
  arguments.insert(arguments.end(), {"--init-from", source});
  const auto first_of = [&](const std::string& said) {
    const ProgramResult result = this->run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr(said));
    return load_checkpoint(run_directory_of(result.out) /
                           "checkpoints/epoch_000_step_000000.safetensors");
  };
  const Checkpoint given = load_checkpoint(source);
  const Checkpoint renamed = first_of("is of other classes: classifier.weight, classifier.bias");
  EXPECT_FALSE(
      require(renamed, "model.classifier.weight").equal(require(given, "model.classifier.weight")));
  EXPECT_TRUE(require(renamed, "model.alphas_normal").equal(require(given, "model.alphas_normal")));
  fs::remove_all(train / "wasp");
  const Checkpoint fewer = first_of("is of other classes");
  EXPECT_EQ(require(fewer, "model.classifier.weight").size(0), 2);
}

}  // namespace
}  // namespace darts::testing
