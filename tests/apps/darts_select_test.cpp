#include "apps/run_fixture.hpp"
#include "core/write_text.hpp"
#include "support/test_paths.hpp"

#include <darts/run/run_directory.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A study of two searches with two seeds, one drawn genotype and one training of each.
class DartsSelect : public RunFixture {
 protected:
  DartsSelect() : RunFixture("darts_select", "") {
    const std::string data = "    data: {dataset: fashion_mnist, root: " + at("data").string() +
                             ", workers: 0}\n    runtime: {device: cpu, threads: 1}\n"
                             "    run: {log_every_steps: 1}\n";
    write_text(
        at("study.yaml"),
        "name: tiny\nhold_out: 16\nseeds: [0, 1]\nrandom: 1\n"
        "every_search:\n" +
            data +
            "    space: {primitives: [none, skip_connect, sep_conv_3x3], nodes: 1, cells: 1, "
            "channels: 2, stem_multiplier: 1}\n"
            "    search: {epochs: 2, batch_size: 4}\n"
            "searches:\n    first: {search: {order: first}}\n"
            "    joint: {search: {order: joint}}\n"
            "training:\n" +
            data + "    network: {cells: 2, channels: 2}\n    train: {epochs: 1, batch_size: 8}\n");
  }

  Arguments study(const std::vector<std::string>& more = {}) const {
    Arguments arguments{"--config", at("study.yaml").string()};
    if (std::ranges::count(more, "--dir") == 0) {
      arguments.insert(arguments.end(), {"--dir", folder().string()});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  fs::path folder() const { return at("a study"); }

  static nlohmann::json results(const fs::path& folder) {
    return nlohmann::json::parse(bytes_of(folder / "results.json"));
  }

  /// Without times.
  static nlohmann::json figures(const fs::path& folder) {
    nlohmann::json json = results(folder);
    for (nlohmann::json& candidate : json["candidates"]) {
      candidate.erase("search");
      for (nlohmann::json& training : candidate["trainings"]) {
        training.erase("seconds");
      }
    }
    for (nlohmann::json& method : json["methods"]) {
      method.erase("search_seconds");
    }
    return json;
  }
};

TEST_F(DartsSelect, SearchesRetrainsRanksAndTestsTheBestAlone) {
  const ProgramResult result = run(study({"--jobs", "2"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto json = results(folder());
  EXPECT_EQ(json.at("candidates").size(), 5U);
  EXPECT_EQ(json.at("methods").size(), 3U);
  EXPECT_EQ(json.at("missing").size(), 0U);
  const std::string winner = json.at("winner").at("candidate");
  EXPECT_EQ(winner, json.at("candidates").at(0).at("name"));
  int tested = 0;
  for (const auto& training : fs::directory_iterator(folder() / "trainings")) {
    tested += fs::exists(training.path() / "test.json") ? 1 : 0;
  }
  EXPECT_EQ(tested, 1);
  EXPECT_TRUE(fs::exists(folder() / "trainings" / (winner + "-t0") / "test.json"));
  EXPECT_THAT(bytes_of(folder() / "results.md"), HasSubstr("was then tested"));
  EXPECT_THAT(bytes_of(folder() / "results.csv"), HasSubstr("\nfirst-0,first,0,first-0-t0,0,"));
}

/// Its runs are processes by themselves, even where it is one of several that a launcher started.
TEST_F(DartsSelect, IsAPartOfAStudyOnEachOfTheProcessesOfALauncher) {
  for (const std::string part : {"1", "2"}) {
    Arguments arguments{"SLURM_PROCID=" + part, "SLURM_STEP_NUM_TASKS=2",
                        "SLURM_LOCALID=0",      "MASTER_ADDR=no-such-host.invalid",
                        "RANK=" + part,         "WORLD_SIZE=3",
                        "LOCAL_RANK=0",         (programs_folder() / "darts_select").string()};
    const Arguments own = study({"--shard", part + "/2", "--dir", at("part" + part).string()});
    arguments.insert(arguments.end(), own.begin(), own.end());
    fs::create_directories(at("of part" + part));
    const ProgramResult result = Program("/usr/bin/env", arguments, at("of part" + part)).wait();
    EXPECT_EQ(result.status, 0) << result.err << result.out;
  }
  const ProgramResult whole =
      run(study({"--merge", at("part1").string(), "--merge", at("part2").string()}));
  EXPECT_EQ(whole.status, 0) << whole.err;
  EXPECT_EQ(results(folder()).at("missing").size(), 0U);
}

TEST_F(DartsSelect, StoppedAndKilledItGoesOnToTheSameResults) {
  ASSERT_EQ(run(study({"--dir", at("whole").string()})).status, 0);
  {
    Program program = start(study());
    ASSERT_TRUE(program.until([&] { return fs::exists(folder() / "outcomes/first-0.json"); }));
    program.signal(SIGTERM);
    const ProgramResult stopped = program.wait();
    EXPECT_EQ(stopped.status, 143) << stopped.err;
    EXPECT_THAT(stopped.out, HasSubstr("stopped; the same command goes on"));
    EXPECT_FALSE(fs::exists(folder() / "winner.json"));
  }
  {
    Program program = start(study());
    ASSERT_TRUE(program.until([&] { return fs::exists(folder() / "outcomes/joint-0.json"); }));
    program.signal(SIGKILL);
    program.wait();
  }
  // The run at hand hears of it, saves what it has, and leaves its folder.
  ProgramResult last;
  for (int i = 0; i < 50; ++i) {
    last = run(study());
    if (last.status == 0) {
      break;
    }
  }
  EXPECT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(figures(folder()), figures(at("whole")));
}

TEST_F(DartsSelect, TestsItsWinnerWhereTheImagesAreNow) {
  ASSERT_EQ(run(study({"--shard", "1/1"})).status, 0);
  fs::rename(at("data"), at("moved"));
  const ProgramResult result = run(study({"--data-root", at("moved").string()}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr(": training (")));
  EXPECT_FALSE(results(folder()).at("winner").is_null());
}

TEST_F(DartsSelect, GoesOnWithTheTestOfTheWinnerThatHasBegun) {
  write_text(at("study.yaml"), bytes_of(at("study.yaml")) + "training_seeds: [1, 0]\n");
  ASSERT_EQ(run(study({"--shard", "1/1"})).status, 0);
  std::vector<std::string> compared;
  std::vector<std::string> trainings;
  const nlohmann::json ranked = results(folder());
  for (const auto& candidate : ranked.at("candidates")) {
    compared.push_back(candidate.at("name"));
    for (const auto& training : candidate.at("trainings")) {
      trainings.push_back(training.at("name"));
    }
  }
  const std::string name = compared.back();  // not the best of them
  std::ranges::sort(compared);
  std::ranges::sort(trainings);
  const nlohmann::json begun{{"candidate", name},
                             {"compared", compared},
                             {"trainings", trainings},
                             {"networks", 2},
                             {"test_top1", std::vector<double>{0.125}}};
  write_text(folder() / "winner.json", begun.dump());
  const ProgramResult result = run(study());
  ASSERT_EQ(result.status, 0) << result.err;
  const auto winner = results(folder()).at("winner");
  EXPECT_EQ(winner.at("candidate"), name);
  ASSERT_EQ(winner.at("test_top1").size(), 2U);
  EXPECT_EQ(winner.at("test_top1")[0], 0.125);
  EXPECT_FALSE(fs::exists(folder() / "trainings" / (name + "-t0") / "test.json"));
  EXPECT_TRUE(fs::exists(folder() / "trainings" / (name + "-t1") / "test.json"));
}

TEST_F(DartsSelect, SharesTheProcessorsAmongItsJobs) {
  std::string text = bytes_of(at("study.yaml"));
  for (std::size_t at = text.find("threads: 1"); at != std::string::npos;
       at = text.find("threads: 1")) {
    text.replace(at, 10, "threads: 0");
  }
  write_text(at("study.yaml"), text);
  EXPECT_EQ(run(study({"--only", "random-0-t0", "--jobs", "1024"})).status, 0);
  EXPECT_THAT(bytes_of(folder() / "configs/random-0-t0.yaml"), HasSubstr("threads: 1\n"));
}

TEST_F(DartsSelect, HasItsFolderForItself) {
  Program first = start(study());
  ASSERT_TRUE(first.until([&] { return fs::exists(folder() / "log.txt"); }));
  EXPECT_THAT(error_of(study({"--only", "random-0-t0"})), HasSubstr("is in use by process"));
  first.signal(SIGTERM);
  first.wait();
}

TEST_F(DartsSelect, AFailedRunIsNamedAndRepeatedAlone) {
  fs::create_directories(folder() / "searches/joint-0");
  std::ofstream(folder() / "searches/joint-0/thesis.tex") << "in the way";
  const ProgramResult failed = run(study());
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, AllOf(HasSubstr("joint-0: "), HasSubstr("is not empty")));
  EXPECT_THAT(failed.out, HasSubstr("not done: joint-0\n"));
  EXPECT_EQ(results(folder()).at("candidates").size(), 4U);
  EXPECT_TRUE(results(folder()).at("winner").is_null()) << "chosen among some alone";
  fs::remove_all(folder() / "searches/joint-0");
  EXPECT_EQ(run(study({"--only", "joint-0"})).status, 0);
  EXPECT_EQ(run(study()).status, 0);
  EXPECT_EQ(results(folder()).at("candidates").size(), 5U);
}

TEST_F(DartsSelect, IsNotMixedWithWhatIsInAFolder) {
  write_text(at("other/config.yaml"), "name: a run\n");
  EXPECT_THAT(error_of(study({"--dir", at("other").string()})),
              HasSubstr("other is not empty and no study's folder"));
  EXPECT_FALSE(fs::exists(at("other/configs")));
  fs::rename(at("other/config.yaml"), at("other/study.yaml"));
  EXPECT_THAT(error_of(study({"--dir", at("other").string(), "--only", "none"})),
              HasSubstr("no such run"));
}

TEST_F(DartsSelect, AChangedStudyNeedsANewFolder) {
  ASSERT_EQ(run(study({"--only", "random-0-t0"})).status, 0);
  std::string yaml = bytes_of(at("study.yaml"));
  yaml.replace(yaml.find("{epochs: 1,"), 11, "{epochs: 2,");
  write_text(at("study.yaml"), yaml);
  EXPECT_THAT(error_of(study({"--only", "first-0"})),
              AllOf(HasSubstr("random-0-t0/config.yaml"), HasSubstr("another folder")));
  fs::create_directories(at("other"));
  EXPECT_THAT(error_of(study({"--dir", at("other").string(), "--merge", folder().string(), "--only",
                              "first-0"})),
              HasSubstr("random-0-t0/config.yaml"));
}

TEST_F(DartsSelect, TablesAreThereEvenIfTheWinnerCannotBeTested) {
  const fs::path test_set = at("data/fashion-mnist/t10k-images-idx3-ubyte");
  ASSERT_TRUE(fs::exists(test_set)) << test_set;
  fs::rename(test_set, at("away"));
  write_text(test_set, "cut off");
  const ProgramResult failed = run(study());
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr("the test of the winner failed"));
  EXPECT_EQ(results(folder()).at("candidates").size(), 5U);
  fs::rename(at("away"), test_set);
  EXPECT_EQ(run(study()).status, 0);
  EXPECT_FALSE(results(folder()).at("winner").is_null());
}

TEST_F(DartsSelect, WaitsForARunThatStillSavesWhatItHas) {
  const fs::path busy = folder() / "trainings/random-0-t0";
  fs::create_directories(busy);
  auto lock = std::make_optional(lock_folder(busy));
  Program program = start(study({"--only", "random-0-t0"}));
  ASSERT_TRUE(program.until([&] { return fs::exists(folder() / "configs/random-0-t0.yaml"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  lock.reset();
  EXPECT_EQ(program.wait().status, 0);
  EXPECT_TRUE(fs::exists(busy / "result.json"));
}

TEST_F(DartsSelect, PartsOfAStudyMakeTheWhole) {
  ASSERT_EQ(run(study({"--dir", at("whole").string()})).status, 0);
  for (const std::string part : {"1", "2"}) {
    const ProgramResult result =
        run(study({"--dir", at("part" + part).string(), "--shard", part + "/2"}));
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_FALSE(fs::exists(at("part" + part) / "winner.json"));
  }
  const ProgramResult merged =
      run(study({"--merge", at("part1").string(), "--merge", at("part2").string()}));
  EXPECT_EQ(merged.status, 0) << merged.err;
  EXPECT_THAT(merged.out, AllOf(HasSubstr("merged: 9 runs"), Not(HasSubstr(": search ("))));
  EXPECT_EQ(figures(folder()), figures(at("whole")));
}

TEST_F(DartsSelect, DryRunCountsAndEstimates) {
  const ProgramResult result = run(study({"--dry-run"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("first-0: a search; trainings first-0-t0\n"),
                    HasSubstr("2 searches by first: about "), HasSubstr("5 trainings: about "),
                    HasSubstr("9 runs: about "), Not(HasSubstr("curvature"))));
  EXPECT_FALSE(fs::exists(folder()));
  std::string text = bytes_of(at("study.yaml"));
  text.replace(text.find("{epochs: 2,"), 11, "{curvature_every: 1, epochs: 2,");
  write_text(at("study.yaml"), text);
  EXPECT_THAT(run(study({"--dry-run"})).out,
              AllOf(HasSubstr(" each (without measuring the curvature)\n"),
                    HasSubstr(" on disk; more, for what is left out above\n")));
}

TEST_F(DartsSelect, SaysWhatIsWrong) {
  EXPECT_THAT(error_of({}), HasSubstr("--config"));
  EXPECT_THAT(error_of(study({"--shard", "0/2"})), HasSubstr("no part 0"));
  EXPECT_THAT(error_of(study({"--shard", "2"})), HasSubstr("I/N"));
  EXPECT_THAT(error_of(study({"--only", "third-0"})), HasSubstr("no such run"));
  EXPECT_THAT(error_of(study({"--only", "first-0-t0"})),
              HasSubstr("waits for its search, first-0"));
  EXPECT_THAT(error_of(study({"--merge", at("nowhere").string()})), HasSubstr("nowhere"));
  EXPECT_THAT(error_of({"--config", at("nowhere.yaml").string()}), HasSubstr("nowhere.yaml"));
}

}  // namespace
}  // namespace darts::testing
