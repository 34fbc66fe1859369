#include "core/child_process.hpp"
#include "core/expect_error.hpp"
#include "core/temporary_folder.hpp"

#include <darts/run/run_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <fstream>

namespace darts {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;

void touch(const fs::path& file) { std::ofstream(file) << "x"; }

/// 2026-03-04 05:06:07 local time.
RunDirectory::Time some_time() {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mon = 2;
  local.tm_mday = 4;
  local.tm_hour = 5;
  local.tm_min = 6;
  local.tm_sec = 7;
  local.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&local));
}

TEST(RunDirectory, IsMadeWithItsFolders) {
  const testing::TemporaryFolder root;
  const auto run = RunDirectory::create(root / "deep/runs", "cifar10", some_time());
  EXPECT_EQ(run.path(), root / "deep/runs/cifar10-20260304-050607");
  EXPECT_TRUE(fs::is_directory(run.checkpoints()));
  EXPECT_EQ(run.genotype_of_epoch(7), run.path() / "genotypes/epoch_007.json");
  EXPECT_EQ(run.checkpoint(7, 123), run.checkpoints() / "epoch_007_step_000123.safetensors");
  EXPECT_EQ(run.checkpoint(1234, 12345678),
            run.checkpoints() / "epoch_1234_step_12345678.safetensors");
  EXPECT_EQ(run.best_checkpoint(), run.checkpoints() / "best.safetensors");
}

TEST(RunDirectory, TakesTheNextNameWhereOneExists) {
  const testing::TemporaryFolder root;
  const auto first = RunDirectory::create(root.path(), "a", some_time());
  touch(root / "a-20260304-050607-2");
  const auto third = RunDirectory::create(root.path(), "a", some_time());
  EXPECT_EQ(third.path(), root / "a-20260304-050607-3");
}

TEST(RunDirectory, SaysWhyItCannotBeMade) {
  const testing::TemporaryFolder root;
  touch(root / "file");
  EXPECT_THAT(error_of([&] { RunDirectory::create(root / "file", "a", some_time()); }),
              HasSubstr("cannot make the folder " + (root / "file").string()));
  EXPECT_THAT(error_of([&] { RunDirectory::create("/proc/runs", "a", some_time()); }),
              HasSubstr("cannot make the folder /proc/runs: "));
  for (const char* name : {"", "a/b", "..", ".hidden"}) {
    EXPECT_THAT(error_of([&] { RunDirectory::create(root.path(), name, some_time()); }),
                HasSubstr("cannot be the name of a run"));
  }
}

TEST(RunDirectory, OpensOnlyRunDirectories) {
  const testing::TemporaryFolder root;
  EXPECT_THAT(error_of([&] { RunDirectory::open(root / "missing"); }), HasSubstr("not a folder"));
  EXPECT_THAT(error_of([&] { RunDirectory::open(root.path()); }),
              HasSubstr("is not a run directory (it has no config.yaml)"));
  EXPECT_FALSE(fs::exists(root / "lock"));
  touch(root / "config.yaml");
  EXPECT_EQ(RunDirectory::open(root.path()).config(), root / "config.yaml");
}

TEST(RunDirectory, RemovesStaleTemporariesWhenOpened) {
  const testing::TemporaryFolder root;
  touch(root / "config.yaml");
  fs::create_directory(root / "checkpoints");
  const auto stale = root / ("checkpoints/.best.safetensors.tmp-" + std::to_string(::getpid()));
  touch(stale);
  RunDirectory::open(root.path());
  EXPECT_FALSE(fs::exists(stale));
}

TEST(RunDirectory, FindsTheLatestCheckpointAndPrunesTheOthers) {
  const testing::TemporaryFolder root;
  const auto run = RunDirectory::create(root.path(), "a", some_time());
  EXPECT_EQ(run.latest_checkpoint(), std::nullopt);
  const std::array<std::pair<int, int>, 4> points{{{9, 900}, {10, 5}, {1000, 1}, {10, 1000000}}};
  for (const auto& [epoch, step] : points) {
    touch(run.checkpoint(epoch, step));
  }
  touch(run.best_checkpoint());
  touch(run.checkpoints() / "epoch_2000_step_x.safetensors");
  touch(run.checkpoints() / "epoch_2000_step_1.safetensors.old");
  EXPECT_EQ(run.latest_checkpoint(), run.checkpoint(1000, 1));
  EXPECT_EQ(latest_checkpoint_of(run.path()), run.checkpoint(1000, 1));

  run.prune_checkpoints(2);
  EXPECT_FALSE(fs::exists(run.checkpoint(9, 900)));
  EXPECT_FALSE(fs::exists(run.checkpoint(10, 5)));
  EXPECT_TRUE(fs::exists(run.checkpoint(10, 1000000)));
  run.prune_checkpoints(0);  // the latest always stays
  EXPECT_EQ(run.latest_checkpoint(), run.checkpoint(1000, 1));
  EXPECT_FALSE(fs::exists(run.checkpoint(10, 1000000)));
  EXPECT_TRUE(fs::exists(run.best_checkpoint()));
}

TEST(RunDirectory, IsLockedUntilItsOwnerEnds) {
  const testing::TemporaryFolder root;
  touch(root / "config.yaml");
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = testing::start_child([&] {
    const auto run = RunDirectory::open(root.path());
    const char byte = 'x';
    [[maybe_unused]] const auto written = ::write(pipe[1], &byte, 1);
    ::pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  EXPECT_EQ(error_of([&] { RunDirectory::open(root.path()); }),
            root.path().string() + " is in use by process " + std::to_string(owner) +
                "; wait for it or stop it");
  ::kill(owner, SIGKILL);
  EXPECT_EQ(testing::wait_for(owner), -SIGKILL);
  auto run = RunDirectory::open(root.path());
  const auto moved = std::move(run);
  EXPECT_THAT(error_of([&] { RunDirectory::open(root.path()); }),
              HasSubstr("process " + std::to_string(::getpid())));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(RunDirectory, IsOfTheProgramThatItsConfigSays) {
  const testing::TemporaryFolder root;
  const auto with = [&](const std::string& config) {
    std::ofstream(root / "config.yaml") << config;
    return program_of_run(root.path());
  };
  EXPECT_EQ(program_of_run(root / "nowhere"), "");
  EXPECT_EQ(with("name: x\n"), "");
  EXPECT_EQ(with("name: search\ntrain:\n  epochs: 1\n"), "darts_train");
  EXPECT_EQ(with("name: train\nsearch:\n  epochs: 1\n"), "darts_search");
  check_program(root.path(), "darts_search");
  EXPECT_EQ(error_of([&] { check_program(root.path(), "darts_train"); }),
            root.path().string() + " is a run of darts_search; use: darts_search --resume " +
                root.path().string());
}

TEST(RunDirectory, ABeginningThatWasKilledWhileItWroteIsBegunAgain) {
  const testing::TemporaryFolder root;
  const fs::path folder = root / "run";
  fs::create_directories(folder);
  constexpr int no_process = 4'194'304;  // beyond the largest number that there can be
  for (const std::string file : {".config.yaml", ".environment.json"}) {
    touch(folder / (file + ".tmp-" + std::to_string(no_process)));
  }
  touch(folder / "environment.json");
  RunDirectory::create_at(folder);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 3) << "lock, checkpoints and that";
}

TEST(RunDirectory, SaysWhetherItIsInUse) {
  const testing::TemporaryFolder root;
  EXPECT_FALSE(is_in_use(root.path())) << "nobody ever was there";
  {
    const FileDescriptor lock = lock_folder(root.path());
    EXPECT_TRUE(is_in_use(root.path()));
  }
  EXPECT_FALSE(is_in_use(root.path()));
}

}  // namespace
}  // namespace darts
