// darts_search that is stopped or killed goes on as if it had never been.
#include "apps/search_fixture.hpp"

#include <darts/core/checkpoint.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int steps_per_epoch = 6;

/// Steps done according to the newest checkpoint's name; -1 if there is none.
int progress_of(const fs::path& run) {
  int epoch = 0;
  int step = 0;
  const std::string name = newest_checkpoint(run).filename().string();
  return std::sscanf(name.c_str(), "epoch_%d_step_%d", &epoch, &step) == 2
             ? epoch * steps_per_epoch + step
             : -1;
}

class DartsSearchResume : public SearchFixture {
 protected:
  /// Starts a run and kills it as soon as its folder is there, before the first checkpoint.
  fs::path start_and_kill(const Arguments& arguments) const;
  /// Stops a run by `signal` once metrics.jsonl has `records` records; returns the run directory.
  fs::path start_and_stop(const Arguments& arguments, int signal, std::size_t records) const;
};

fs::path DartsSearchResume::start_and_kill(const Arguments& arguments) const {
  Program program = start(arguments);
  EXPECT_TRUE(program.until_it_says("run directory: "));
  program.signal(SIGKILL);
  EXPECT_EQ(program.wait().status, -SIGKILL);
  const fs::path run = fs::directory_iterator(runs())->path();
  fs::remove_all(run / "checkpoints");  // should one have come before the signal
  return run;
}

fs::path DartsSearchResume::start_and_stop(const Arguments& arguments, int signal,
                                           std::size_t records) const {
  Program program = start(arguments);
  EXPECT_TRUE(program.until_it_says("run directory: "));
  const fs::path run = run_directory_of(program.out());
  EXPECT_TRUE(program.until(
      [&] { return lines_with(bytes_of(run / "metrics.jsonl"), "{").size() >= records; }));
  program.signal(signal);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.status, 128 + signal) << result.err;
  EXPECT_THAT(result.out, HasSubstr("go on with: darts_search --resume " + run.string()));
  EXPECT_EQ(lines_with(result.err, "error:").size(), 0U) << result.err;
  return run;
}

class DartsSearchKilled : public DartsSearchResume,
                          public ::testing::WithParamInterface<const char*> {};

TEST_P(DartsSearchKilled, GoesOnAsIfItHadNeverBeen) {
  constexpr int kills = 5;
  constexpr int epochs = 5;
  const Arguments arguments =
      recipe({std::string("search.method=") + GetParam(), "search.epochs=" + std::to_string(epochs),
              "run.checkpoint_every_steps=" + std::to_string(GetParam()[0] == 's' ? 2 : 1)});
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("random seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const fs::path run = start_and_kill(arguments);
  for (int kill = 0; kill < kills; ++kill) {
    constexpr int part = epochs * steps_per_epoch / (kills + 1);
    const int steps = part * kill + std::uniform_int_distribution<int>(0, part)(random);
    const std::chrono::microseconds delay(std::uniform_int_distribution<int>(0, 10'000)(random));
    Program program = start({"--resume", run});
    EXPECT_TRUE(program.until([&] { return progress_of(run) >= steps; }));
    std::this_thread::sleep_for(delay);
    program.signal(SIGKILL);
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.status, -SIGKILL) << "was to be killed after step " << steps << result.err;
  }
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

INSTANTIATE_TEST_SUITE_P(Methods, DartsSearchKilled, ::testing::Values("first", "second", "joint"),
                         [](const auto& method) { return std::string(method.param); });

TEST_F(DartsSearchResume, StopsOnInterrupt) {
  const fs::path run = start_and_stop(recipe({"search.epochs=8"}), SIGINT, 3);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(recipe({"search.epochs=8"})));
}

TEST_F(DartsSearchResume, StopsOnTermination) {
  const Arguments arguments = recipe({"search.epochs=8", "search.method=second"});
  const fs::path run = start_and_stop(arguments, SIGTERM, 9);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

TEST_F(DartsSearchResume, StopsDuringValidation) {
  write_data(at("more"), 600);
  const Arguments arguments =
      recipe({"data.root=" + at("more").string(), "data.train_portion=0.02", "search.epochs=1"});
  const fs::path run = start_and_stop(arguments, SIGTERM, 3);
  EXPECT_EQ(newest_checkpoint(run).filename(), "epoch_000_step_000003.safetensors");
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

TEST_F(DartsSearchResume, AFinishedRunStaysAsItIs) {
  const fs::path run = finish(recipe());
  const std::string metrics = bytes_of(run / "metrics.jsonl");
  const std::string alphas = bytes_of(run / "alphas.jsonl");
  const std::string checkpoint = bytes_of(newest_checkpoint(run));
  EXPECT_EQ(finish({"--resume", run}), run);
  EXPECT_EQ(bytes_of(run / "metrics.jsonl"), metrics);
  EXPECT_EQ(bytes_of(run / "alphas.jsonl"), alphas);
  EXPECT_EQ(bytes_of(newest_checkpoint(run)), checkpoint);
}

TEST_F(DartsSearchResume, OtherWorkersAndPlacesAreNoOtherRun) {
  const fs::path run = start_and_stop(recipe({"search.epochs=8"}), SIGINT, 2);
  const fs::path moved = at("moved");
  fs::rename(run, moved);
  write_data(at("elsewhere"), images);
  EXPECT_EQ(finish({"--resume", moved, "--data-root", at("elsewhere"), "--set", "data.workers=3"}),
            moved);
  expect_same_run(moved, finish(recipe({"search.epochs=8"})));
}

TEST_F(DartsSearchResume, ASecondProgramIsRefused) {
  Program first = start(recipe({"search.epochs=10000"}));
  ASSERT_TRUE(first.until_it_says("run directory: "));
  const fs::path run = run_directory_of(first.out());
  EXPECT_THAT(error_of({"--resume", run}),
              HasSubstr("is in use by process " + std::to_string(first.pid())));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait().status, 128 + SIGTERM);
}

}  // namespace
}  // namespace darts::testing
