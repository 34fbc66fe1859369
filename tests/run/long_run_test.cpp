// The life and the loop that all runs share, on a run that learns nothing.
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/run/long_run.hpp>

#include <ATen/ops/full.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <new>

namespace darts {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;

/// Epochs of as many steps as `steps` says; the loss of a step is its number.
struct CountingConfig {
  std::vector<std::int64_t> steps{3, 2};
  std::int64_t diverges_at = -1;       ///< step of the first epoch
  std::int64_t passes_over = -1;       ///< step of every epoch
  std::int64_t breaks_at = -1;         ///< step of the first epoch after which its weights are NaN
  std::int64_t measures_nan_in = -1;   ///< epoch
  std::int64_t out_of_memory_at = -1;  ///< step of every epoch
  bool depends_on_threads = false;
  std::int64_t threads = 1;
  RunOptions run;
};

class CountingRun : public LongRun {
 public:
  static RuntimeOptions runtime(std::int64_t threads) {
    RuntimeOptions options;
    options.threads = threads;
    options.device = "cpu";
    return options;
  }

  CountingRun(CountingConfig config, RunDirectory directory, RunHooks hooks)
      : LongRun({"counting", "darts_count"}, runtime(config.threads), config.run,
                std::move(directory), std::move(hooks)),
        config_(std::move(config)) {}

  void initialize_from(const Checkpoint& checkpoint) override { said = checkpoint.meta; }
  const RunState& state() const override { return state_; }

  std::vector<std::string> events;
  std::string said;

 private:
  bool depends_on_threads() override { return config_.depends_on_threads; }
  RunState& mutable_state() override { return state_; }
  std::string sizes() const override { return "2 images"; }
  std::int64_t epochs() const override { return std::ssize(config_.steps); }
  std::int64_t steps_per_epoch() const override {
    return config_.steps.at(static_cast<std::size_t>(state_.epoch));
  }
  void start_epoch() override { next_ = state_.step; }
  std::optional<ReadyStep> next_step() override {
    if (next_ == steps_per_epoch()) {
      return std::nullopt;
    }
    const std::int64_t number = next_++;
    ReadyStep ready{.next = next_, .images = 10};
    if (number != config_.passes_over) {
      ready.launch = [this](std::int64_t step) {
        if (step == config_.out_of_memory_at) {
          throw std::bad_alloc();
        }
        events.push_back("launch " + std::to_string(step) + " at " + std::to_string(state_.step));
        const double loss = step == config_.diverges_at ? std::numeric_limits<double>::infinity()
                                                        : static_cast<double>(step);
        return PendingStep({at::full({}, loss), at::full({}, 1.0), at::full({}, 2), {}});
      };
    }
    return ready;
  }
  EpochEnd finish_epoch() override {
    if (hooks().stop_requested()) {
      return EpochEnd::stopped;
    }
    if (state_.epoch == config_.measures_nan_in) {
      throw NonFiniteError("test loss nan");
    }
    metrics().append({{"epoch", state_.epoch}, {"images", state_.images}});
    const std::int64_t epoch = state_.epoch + 1;
    state_ = {};
    state_.epoch = epoch;
    return epoch == 1 ? EpochEnd::finished_best : EpochEnd::finished;
  }
  Checkpoint checkpoint() override {
    events.push_back("save " + std::to_string(state_.epoch) + "." + std::to_string(state_.step));
    Checkpoint saved;
    const bool broken = state_.step == config_.breaks_at && state_.epoch == 0;
    saved.tensors.emplace("weight", at::full({2}, broken ? NAN : 1.0));
    saved.meta = to_json(state_fields(state_, {{"metrics_size", &state_.metrics_size}})).dump();
    return saved;
  }
  void restore(const Checkpoint& checkpoint) override {
    state_ = {};
    read_fields(nlohmann::ordered_json::parse(checkpoint.meta),
                state_fields(state_, {{"metrics_size", &state_.metrics_size}}));
  }
  void write_recipe() const override { write_file_atomically(directory().config(), "x: 1\n"); }
  void report(RunOutcome) override { events.emplace_back("report"); }

  CountingConfig config_;
  RunState state_;
  std::int64_t next_ = 0;
};

class LongRunTest : public ::testing::Test {
 protected:
  LongRunTest() {
    config_.run.root = folder_ / "runs";
    config_.run.log_every_steps = 1;
  }

  std::unique_ptr<CountingRun> start(RunHooks hooks = {}, const fs::path& init_from = {}) {
    auto run = start_run<CountingRun>("count", config_.run, std::move(hooks), init_from, config_);
    run->events.clear();
    return run;
  }
  std::unique_ptr<CountingRun> resume(const fs::path& run) const {
    auto again = std::make_unique<CountingRun>(config_, RunDirectory::open(run), RunHooks());
    again->go_on();
    return again;
  }
  static std::string records_of(const LongRun& run) { return read_file(run.directory().metrics()); }
  /// Asks to stop after so many steps or tests.
  static RunHooks stop_after(int asked) {
    RunHooks hooks;
    hooks.should_stop = [asked]() mutable { return --asked == 0; };
    return hooks;
  }

  testing::TemporaryFolder folder_;
  CountingConfig config_;
};

TEST_F(LongRunTest, TakesAStepsFiguresWhileTheNextOneRuns) {
  const auto run = start();
  EXPECT_EQ(run->run(), RunOutcome::finished);
  EXPECT_THAT(run->events,
              ElementsAre("launch 0 at 0", "launch 1 at 0", "launch 2 at 1", "save 1.0", "save 1.0",
                          "launch 0 at 0", "launch 1 at 0", "save 2.0", "report"));
}

TEST_F(LongRunTest, NoStepIsInFlightWhenItIsSaved) {
  config_.run.checkpoint_every_steps = 2;
  const auto run = start();
  run->run();
  EXPECT_THAT(run->events, ElementsAre("launch 0 at 0", "launch 1 at 0", "save 0.2",
                                       "launch 2 at 2", "save 1.0", "save 1.0", "launch 0 at 0",
                                       "launch 1 at 0", "save 1.2", "save 2.0", "report"));
}

TEST_F(LongRunTest, PassesOverAStepWithoutUse) {
  config_.passes_over = 1;
  const auto run = start();
  run->run();
  EXPECT_THAT(run->events, ElementsAre("launch 0 at 0", "launch 2 at 2", "save 1.0", "save 1.0",
                                       "launch 0 at 0", "save 2.0", "report"));
  config_.passes_over = 0;
  config_.steps = {1};
  EXPECT_THAT(error_of([&] { start()->run(); }), HasSubstr("none of the training images"));
}

TEST_F(LongRunTest, StoppedAnywhereItGoesOnAsIfItHadNeverBeen) {
  const auto whole = start();
  whole->run();
  for (int asked = 1; asked <= 7; ++asked) {
    const auto run = start(stop_after(asked));
    const fs::path directory = run->directory().path();
    const RunOutcome outcome = run->run();
    EXPECT_EQ(outcome, RunOutcome::stopped) << asked;
    JsonLines(run->directory().metrics()).append({{"of", "a run that was killed later"}});
    EXPECT_THAT(read_file(run->directory().log()),
                HasSubstr("go on with: darts_count --resume " + directory.string()));
    auto locked = error_of([&] { RunDirectory::open(directory); });
    EXPECT_THAT(locked, HasSubstr("in use"));
    const fs::path moved = directory.string() + "-moved";
    fs::copy(directory, moved, fs::copy_options::recursive);
    const auto again = resume(moved);
    EXPECT_EQ(again->run(), RunOutcome::finished);
    EXPECT_EQ(records_of(*again), records_of(*whole)) << asked;
  }
}

TEST_F(LongRunTest, SaysWhereItDiverged) {
  config_.diverges_at = 1;
  const auto run = start();
  EXPECT_THAT(error_of([&] { run->run(); }),
              HasSubstr("the counting diverged in epoch 1, step 2: loss inf"));
  EXPECT_EQ(run->directory().latest_checkpoint(), run->directory().checkpoint(0, 0));
}

TEST_F(LongRunTest, ACheckpointOfWhatHadDivergedIsNotTheLastGoodOne) {
  config_.run.checkpoint_every_steps = 1;
  config_.breaks_at = 1;
  config_.diverges_at = 1;
  const auto run = start();
  const RunDirectory& directory = run->directory();
  EXPECT_THAT(
      error_of([&] { run->run(); }),
      AllOf(HasSubstr("in epoch 1, step 2: loss inf"),
            HasSubstr("last good checkpoint: " + directory.checkpoint(0, 0).string() + ";")));
  ASSERT_EQ(directory.latest_checkpoint(), directory.checkpoint(0, 1));
  const fs::path copy = folder_ / "copy";
  fs::copy(directory.path(), copy, fs::copy_options::recursive);
  const fs::path broken = copy / "checkpoints" / directory.checkpoint(0, 1).filename();
  const fs::path good = copy / "checkpoints" / directory.checkpoint(0, 0).filename();
  EXPECT_EQ(error_of([&] { resume(copy); }),
            broken.string() +
                " holds numbers that are not finite (weight): the counting had diverged before it "
                "was saved; remove the checkpoints after " +
                good.string() + " and resume, or start a new run with a lower learning rate");
  EXPECT_THAT(error_of([&] { start({}, broken); }), HasSubstr("take an older checkpoint"));
  fs::remove(good);
  EXPECT_THAT(error_of([&] { resume(copy); }),
              HasSubstr("no other checkpoint is good: start a new"));
}

TEST_F(LongRunTest, SaysThatItDivergedAlsoWhereAnEpochsFiguresTellIt) {
  config_.measures_nan_in = 1;
  const auto run = start();
  EXPECT_THAT(error_of([&] { run->run(); }),
              HasSubstr("the counting diverged at the end of epoch 2: test loss nan; last good "
                        "checkpoint: " +
                        run->directory().checkpoint(1, 0).string()));
}

TEST_F(LongRunTest, SaysForWhatMemoryDidNotSuffice) {
  config_.out_of_memory_at = 1;
  const auto run = start();
  EXPECT_EQ(error_of([&] { run->run(); }),
            "out of memory: cannot take a step of the counting (2 images)");
}

TEST_F(LongRunTest, ItsDirectoryCanBeResumedOnceItsStartIsSaved) {
  const auto run = start();
  EXPECT_TRUE(fs::exists(run->directory().environment()));
  EXPECT_TRUE(fs::exists(run->directory().config()));
  EXPECT_TRUE(run->directory().latest_checkpoint());
  const auto from = start({}, run->directory().checkpoint(0, 0));
  EXPECT_THAT(from->said, HasSubstr("metrics_size"));
  EXPECT_TRUE(fs::exists(from->directory().config()));
}

TEST_F(LongRunTest, SaysThatAnotherNumberOfThreadsGivesOtherBytesWhereItDoes) {
  for (const bool depends : {true, false}) {
    for (const std::int64_t threads : {1, 2}) {
      config_.depends_on_threads = depends;
      config_.threads = 1;
      const fs::path run = start()->directory().path();
      config_.threads = threads;
      const std::string log = read_file(resume(run)->directory().log());
      EXPECT_EQ(log.find("had 1 threads before and has 2 now") != std::string::npos,
                depends && threads == 2)
          << log;
    }
  }
}

/// An environment.json of another version, or none, is no reason not to go on.
TEST_F(LongRunTest, GoesOnWhereTheThreadsBeforeAreNotKnown) {
  config_.depends_on_threads = true;
  for (const char* text : {"", "{}", "[1]", "{\"threads\": \"many\"}"}) {
    const fs::path run = start()->directory().path();
    write_file_atomically(run / "environment.json", text);
    config_.threads = 2;
    EXPECT_THAT(read_file(resume(run)->directory().log()), Not(HasSubstr("threads before")));
    config_.threads = 1;
  }
}

TEST_F(LongRunTest, WhatCannotStartLeavesNoDirectory) {
  EXPECT_THAT(error_of([&] { start({}, folder_ / "nowhere"); }), HasSubstr("nowhere"));
  EXPECT_TRUE(fs::is_empty(folder_ / "runs"));
}

}  // namespace
}  // namespace darts
