// darts_train from its command line to its files.
#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "data/fixtures.hpp"
#include "support/test_paths.hpp"

#include <darts/core/checkpoint.hpp>
#include <darts/core/json_lines.hpp>

#include <nlohmann/json.hpp>

#include <csignal>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int steps_per_epoch = 6;

class DartsTrain : public TrainFixture {
 protected:
  /// The error line of a run that begins.
  std::string error_of_run(const std::vector<std::string>& settings) const {
    const ProgramResult result = run(recipe(settings));
    EXPECT_EQ(result.status, 1) << result.out;
    const auto lines = lines_with(result.err, "error: ");
    EXPECT_EQ(lines.size(), 1U) << result.err;
    return lines.empty() ? "" : lines.front();
  }

  /// The settings to train on photographs for an epoch.
  std::vector<std::string> photographs(int copies) const {
    std::vector<std::string> settings = write_photographs(copies);
    settings.insert(settings.end(), {"train.batch_size=2", "train.epochs=1"});
    return settings;
  }
};

TEST_F(DartsTrain, LeavesItsFilesAndATable) {
  const ProgramResult result = run(recipe());
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("epochs          2 of 2\n"), HasSubstr("the result"),
                                HasSubstr("picked on the test set"), HasSubstr("multiply-adds")));
  const fs::path run = run_directory_of(result.out);
  for (const char* file : {"config.yaml", "environment.json", "genotype.json", "log.txt",
                           "metrics.jsonl", "result.json", "checkpoints/best.safetensors",
                           "checkpoints/epoch_002_step_000000.safetensors"}) {
    EXPECT_TRUE(fs::exists(run / file)) << file;
  }
  const auto records = read_json_lines(run / "metrics.jsonl");
  EXPECT_EQ(records.size(), 2U * (steps_per_epoch + 1));
  const auto& epoch = records.back();
  EXPECT_EQ(epoch.at("kind"), "epoch");
  EXPECT_EQ(epoch.at("epoch"), 2);
  EXPECT_DOUBLE_EQ(epoch.at("drop_path").get<double>(), 0.25);
  EXPECT_NEAR(epoch.at("learning_rate").get<double>(), 0.0125, 1e-12);
  const auto outcome = nlohmann::json::parse(bytes_of(run / "result.json"));
  EXPECT_EQ(outcome.at("test_top1"), epoch.at("test_top1"));
  EXPECT_GE(outcome.at("best_test_top1"), outcome.at("test_top1"));
  EXPECT_GE(outcome.at("test_top5"), outcome.at("test_top1"));
}

TEST_F(DartsTrain, NamesFiguresOfImagesKeptForSelection) {
  const ProgramResult result = run(recipe({"data.hold_out=20"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("selection top-1 "), Not(HasSubstr("test top-1")),
                                HasSubstr("picked on the images kept for selection")));
  const fs::path run = run_directory_of(result.out);
  const auto outcome = nlohmann::json::parse(bytes_of(run / "result.json"));
  EXPECT_EQ(outcome.count("test_top1"), 0U);
  EXPECT_EQ(outcome.at("selection_top1"),
            read_json_lines(run / "metrics.jsonl").back().at("selection_top1"));
}

TEST_F(DartsTrain, AnyNumberOfEdgesANodeAndWhereTheGenotypeComesFrom) {
  const auto given = nlohmann::ordered_json::parse(R"({
    "format": "darts-genotype", "version": 2, "name": "uneven",
    "normal": [[], [["sep_conv_3x3", 0]], [["skip_connect", 3], ["max_pool_3x3", 1], ["none", 0]]],
    "normal_concat": [3, 4],
    "reduce": [[["max_pool_3x3", 1]], []], "reduce_concat": [2],
    "provenance": {"config": "quickstart", "seed": 3, "valid_accuracy": 0.5971666666666666}})");
  write_text(genotype_file(), given.dump());
  const fs::path run = finish(recipe({"train.epochs=1"}));
  auto kept = nlohmann::ordered_json::parse(bytes_of(run / "genotype.json"));
  EXPECT_EQ(kept["operations"]["skip_connect"], "skip");
  kept.erase("operations");  // which the programs add
  EXPECT_EQ(kept, given);
  const fs::path again =
      finish({"--config", recipe_file(), "--set", "train.epochs=1", "--genotype", run});
  EXPECT_EQ(bytes_of(again / "genotype.json"), bytes_of(run / "genotype.json"));
  expect_same_run(run, again);

  write_text(genotype_file(),
             "Genotype(normal=[[('none', 0)], []], normal_concat=range(2, 4),"
             " reduce=[('none', 0), ('none', 1)], reduce_concat=[2])");
  EXPECT_THAT(error_of(recipe()),
              HasSubstr("genotype.txt: normal_concat: names node 1 (state 3), which has no edges"));
}

TEST_F(DartsTrain, SameSeedSameRunAndAnotherSeedAnotherOne) {
  const fs::path one = finish(recipe());
  expect_same_run(one, finish(recipe({"data.workers=3"})));
  const fs::path other = finish(recipe({"seed=4"}));
  EXPECT_NE(bytes_of(newest_checkpoint(one)), bytes_of(newest_checkpoint(other)));
}

TEST_F(DartsTrain, LearnsWhatItSees) {
  // Random pixels, 48 of them, can only be learned by heart.
  const fs::path run =
      finish(recipe({"train.epochs=12", "data.crop_padding=0", "data.flip=false", "data.cutout=0",
                     "network.drop_path=0", "network.channels=8", "w.learning_rate=0.1"}));
  const auto records = read_json_lines(run / "metrics.jsonl");
  EXPECT_LT(records.back().at("train_loss").get<double>(),
            0.6 * records.at(steps_per_epoch).at("train_loss").get<double>());
}

TEST_F(DartsTrain, KilledItGoesOnAsIfItHadNeverBeen) {
  constexpr int epochs = 4;
  expect_kills_do_not_matter(recipe({"train.epochs=" + std::to_string(epochs), "train.average=0.9",
                                     "train.mixup=0.2", "run.checkpoint_every_steps=1"}),
                             epochs * steps_per_epoch, steps_per_epoch);
}

TEST_F(DartsTrain, StopsOnInterruptAndGoesOn) {
  const Arguments arguments = recipe({"train.epochs=8", "train.parts=3"});
  const fs::path run = start_and_stop(arguments, SIGINT, 9);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

TEST_F(DartsTrain, StopsAfterTheTimeItIsGiven) {
  Arguments arguments = recipe({"train.epochs=100000"});
  arguments.insert(arguments.end(), {"--max-time", "0.0003"});  // a second
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("time given by train.max_hours is over"),
                                HasSubstr("go on with: darts_train --resume ")));
}

TEST_F(DartsTrain, OptionsThatThePaperDoesNotHave) {
  const fs::path run =
      finish(recipe({"w.nesterov=true", "w.warmup_epochs=1", "w.schedule=linear",
                     "train.average=0.9", "train.label_smoothing=0.1", "train.mixup=0.4",
                     "train.parts=2", "runtime.precision=bf16", "network.auxiliary=0"}));
  int average = 0;
  for (const auto& [name, tensor] : load_checkpoint(newest_checkpoint(run)).tensors) {
    EXPECT_FALSE(name.starts_with("model.auxiliary_head")) << name;
    average += name.starts_with("average.") ? 1 : 0;
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
  EXPECT_GT(average, 10);
}

TEST_F(DartsTrain, RecipesAreThePapers) {
  const auto resolved = [&](const std::string& name) {
    const ProgramResult result = run({"--config", configs_folder() / "train" / name, "--genotype",
                                      "DARTS_V2", "--data-root", at("none"), "--dry-run"});
    EXPECT_EQ(result.status, 1);  // after the config: no data
    return result.out;
  };
  EXPECT_THAT(resolved("cifar10.yaml"),
              AllOf(HasSubstr("  cells: 20\n"), HasSubstr("  channels: 36\n"),
                    HasSubstr("  epochs: 600\n"), HasSubstr("  batch_size: 96\n"),
                    HasSubstr("  cutout: 16\n"), HasSubstr("  drop_path: 0.2\n"),
                    HasSubstr("  auxiliary: 0.4\n"), HasSubstr("  weight_decay: 0.0003\n")));
  EXPECT_THAT(resolved("imagenet.yaml"),
              AllOf(HasSubstr("  cells: 14\n"), HasSubstr("  channels: 48\n"),
                    HasSubstr("  epochs: 250\n"), HasSubstr("  batch_size: 128\n"),
                    HasSubstr("  stem: imagenet\n"), HasSubstr("  label_smoothing: 0.1\n"),
                    HasSubstr("  schedule: exponential\n"), HasSubstr("  decay: 0.97\n"),
                    HasSubstr("  weight_decay: 0.00003\n"), HasSubstr("  hue: 0.2\n")));
  EXPECT_THAT(resolved("imagenet_large_batch.yaml"),
              AllOf(HasSubstr("  batch_size: 1024\n"), HasSubstr("  learning_rate: 0.5\n"),
                    HasSubstr("  warmup_epochs: 5\n"), HasSubstr("  schedule: linear\n")));
}

TEST_F(DartsTrain, EveryRecipeCanBeRead) {
  for (const auto& file : fs::directory_iterator(configs_folder() / "train")) {
    const ProgramResult result =
        run({"--config", file.path(), "--genotype", "DARTS_V2", "--set", "data.dataset=cifar10",
             "--data-root", at("none"), "--dry-run"});
    EXPECT_THAT(result.out, HasSubstr("name: " + file.path().stem().string() + "\n"));
    EXPECT_THAT(result.err, HasSubstr(at("none").string())) << file.path();
  }
}

TEST_F(DartsTrain, PhotographsWithABrokenFileLeftOut) {
  const std::vector<std::string> settings = photographs(1);
  EXPECT_THAT(error_of_run(settings), HasSubstr("n01/bad.JPEG"));
  std::vector<std::string> skipping = settings;
  skipping.push_back("data.on_error=skip");
  const fs::path run = finish(recipe(skipping));
  const auto epoch = read_json_lines(run / "metrics.jsonl").back();
  EXPECT_EQ(epoch.at("skipped_images"), 1);
  const ProgramResult tested = Program("darts_eval", {run}, at("eval_output")).wait();
  EXPECT_EQ(tested.status, 0) << tested.err;
  EXPECT_THAT(tested.out, HasSubstr("n02"));

  write_text(at("imagenet/val/n02/bad.JPEG"), "");
  const ProgramResult failed = Program("darts_eval", {run}, at("eval_output")).wait();
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr("n02/bad.JPEG"));
  const ProgramResult skipped =
      Program("darts_eval", {run, "--on-error", "skip"}, at("eval_output")).wait();
  EXPECT_EQ(skipped.status, 0) << skipped.err;
  EXPECT_THAT(skipped.out, HasSubstr("unreadable images       1\n"));

  for (const auto& file : fs::recursive_directory_iterator(at("imagenet/train"))) {
    if (file.is_regular_file()) {
      write_text(file.path(), "");
    }
  }
  EXPECT_THAT(error_of_run(skipping), HasSubstr("none of the training images could be used; 7"));
  Arguments dry = recipe(skipping);
  dry.push_back("--dry-run");
  EXPECT_THAT(this->run(dry).err, HasSubstr("none of the training images could be used; 7"));
}

TEST_F(DartsTrain, UnreadableImagesAreCountedWhereverFiguresAre) {
  std::vector<std::string> settings = photographs(1);
  settings.emplace_back("data.on_error=skip");
  write_text(at("imagenet/val/n02/bad.JPEG"), "");
  Arguments dry = recipe(settings);
  dry.push_back("--dry-run");
  const ProgramResult trial = run(dry);
  EXPECT_EQ(trial.status, 0) << trial.err;
  EXPECT_THAT(trial.out + trial.err, HasSubstr("1 of the first 7 images cannot be read"));
  const fs::path finished = finish(recipe(settings));
  EXPECT_EQ(read_json_lines(finished / "metrics.jsonl").back().at("skipped_test_images"), 1);
  EXPECT_EQ(nlohmann::json::parse(bytes_of(finished / "result.json")).at("skipped_test_images"), 1);
}

TEST_F(DartsTrain, BrokenImagesOfAnImageFolderAreLeftOutAndCounted) {
  write_photographs(1);
  write_text(at("imagenet/val/n02/bad.JPEG"), "");
  std::vector<std::string> settings{"data.dataset=image_folder",
                                    "data.root=" + at("imagenet").string(), "data.image_size=32",
                                    "train.batch_size=2", "train.epochs=1"};
  EXPECT_THAT(error_of_run(settings), HasSubstr("n01/bad.JPEG"));
  settings.emplace_back("data.on_error=skip");
  const ProgramResult result = run(recipe(settings));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 of 7 images cannot be read and are left out"));
  const fs::path finished = run_directory_of(result.out);
  const auto epoch = read_json_lines(finished / "metrics.jsonl").back();
  EXPECT_EQ(epoch.at("skipped_images"), 1);
  EXPECT_EQ(epoch.at("skipped_test_images"), 1);
  const ProgramResult tested =
      Program("darts_eval", {finished, "--on-error", "skip"}, at("eval_output")).wait();
  EXPECT_EQ(tested.status, 0) << tested.err;
  EXPECT_THAT(tested.out, HasSubstr("unreadable images       1\n"));
}

TEST_F(DartsTrain, KilledOnPhotographsItGoesOnWithinTheEpoch) {
  std::vector<std::string> settings = photographs(3);
  constexpr int epochs = 3;
  constexpr int steps = 10;  // an epoch: 18 photographs and a broken one in pairs
  settings.insert(settings.end(), {"train.epochs=" + std::to_string(epochs), "data.on_error=skip",
                                   "data.workers=2", "run.checkpoint_every_steps=1"});
  expect_kills_do_not_matter(recipe(settings), epochs * steps, steps);
}

TEST_F(DartsTrain, FineTunesWithOtherClassesAndWithoutAHead) {
  const fs::path source = newest_checkpoint(finish(recipe({"network.auxiliary=0"})));
  Arguments arguments = recipe({"train.epochs=1", "run.keep_checkpoints=9"});
  arguments.insert(arguments.end(), {"--init-from", source});
  const fs::path run = finish(arguments);
  const Checkpoint given = load_checkpoint(source);
  const Checkpoint first = load_checkpoint(run / "checkpoints/epoch_000_step_000000.safetensors");
  for (const auto& [name, tensor] : first.tensors) {
    if (name.starts_with("model.") && !name.starts_with("model.auxiliary_head.")) {
      EXPECT_TRUE(tensor.equal(require(given, name))) << name;
    }
  }
  EXPECT_TRUE(first.tensors.contains("model.auxiliary_head.classifier.weight"));
  Arguments other = RunFixture::recipe();
  other.insert(other.end(), {"--genotype", "DARTS_V1", "--init-from", source});
  EXPECT_THAT(this->run(other).err, HasSubstr("is of another genotype than this network"));
}

TEST_F(DartsTrain, DryRunEstimatesAndLeavesNothing) {
  Arguments arguments = recipe();
  arguments.push_back("--dry-run");
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr(" parameters (auxiliary head: "), HasSubstr("steps an epoch: 6\n"),
                    HasSubstr("the whole training: about "), HasSubstr("memory at the peak: ")));
  EXPECT_FALSE(fs::exists(runs()));
}

TEST_F(DartsTrain, SaysWhatIsWrong) {
  EXPECT_THAT(error_of({"--config", recipe_file()}),
              AllOf(HasSubstr("--genotype"), HasSubstr("DARTS_V2")));
  EXPECT_THAT(error_of({"--config", recipe_file(), "--genotype", "DARTS_V9"}),
              HasSubstr("DARTS_V9"));
  EXPECT_THAT(error_of(recipe({"train.epoch=3"})), HasSubstr("did you mean train.epochs?"));
  EXPECT_THAT(error_of(recipe({"train.mixup=-1"})), HasSubstr("train.mixup"));
  EXPECT_THAT(error_of({"--resume", at("nowhere")}), HasSubstr("is not a folder"));
  const fs::path bad = write_text(at("bad.txt"), "Genotype(normal=[('skip_connect', 0)])");
  EXPECT_THAT(error_of({"--config", recipe_file(), "--genotype", bad}), HasSubstr("bad.txt"));
  EXPECT_TRUE(!fs::exists(runs()) || fs::is_empty(runs()));
}

TEST_F(DartsTrain, RefusesToGoOnWithAnotherConfigOrGenotype) {
  const fs::path run = finish(recipe());
  EXPECT_THAT(error_of({"--resume", run, "--set", "network.channels=4"}),
              AllOf(HasSubstr("does not fit the checkpoint"), HasSubstr("network.channels: 4")));
  write_text(run / "genotype.json",
             "Genotype(normal=[('sep_conv_5x5', 0), ('skip_connect', 1)], normal_concat=[2],"
             " reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])");
  EXPECT_THAT(error_of({"--resume", run}), HasSubstr("another genotype"));
}

TEST_F(DartsTrain, EndsWithWordsWhenItDiverges) {
  const ProgramResult result = run(recipe({"w.learning_rate=1e30"}));
  EXPECT_EQ(result.status, 1);
  const auto lines = lines_with(result.err, "error: ");
  ASSERT_EQ(lines.size(), 1U) << result.err;
  EXPECT_THAT(lines.front(), AllOf(HasSubstr("the training diverged in epoch 1, step "),
                                   HasSubstr("last good checkpoint: ")));
}

TEST_F(DartsTrain, Helps) {
  const auto said = [&](const char* option) {
    const ProgramResult result = run({option});
    EXPECT_EQ(result.status, 0) << option;
    return result.out;
  };
  EXPECT_THAT(said("--help"), AllOf(HasSubstr("--genotype"), HasSubstr("--max-time")));
  EXPECT_THAT(said("--config-reference"), HasSubstr("`network.drop_path`"));
}

}  // namespace
}  // namespace darts::testing
