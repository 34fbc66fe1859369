// darts_search on a disk that fills up.
#include "apps/run_fixture.hpp"

#include <darts/core/checkpoint.hpp>

#include <sched.h>
#include <sys/mount.h>

#include <csignal>

namespace darts::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DartsSearchDisk : public SearchFixture {
 protected:
  /// Expects an error in the run and its newest checkpoint whole; returns the run directory.
  static fs::path expect_refusal(const ProgramResult& result) {
    EXPECT_EQ(result.status, 1) << result.out;
    const auto errors = lines_with(result.err, "error: ");
    EXPECT_EQ(errors.size(), 1U) << result.err;
    EXPECT_EQ(lines_with(result.err, "[").size(), 0U) << result.err;
    EXPECT_TRUE(!errors.empty() && result.err.ends_with(errors.front() + "\n")) << result.err;
    const fs::path run = run_directory_of(result.out);
    EXPECT_THAT(result.err, HasSubstr(run.string()));
    EXPECT_GT(load_checkpoint(newest_checkpoint(run)).tensors.size(), 0U);
    return run;
  }
};

TEST_F(DartsSearchDisk, FilesMayNotGrow) {
  const Arguments arguments = recipe({"run.checkpoint_every_steps=1", "search.epochs=3"});
  Program program = start(arguments);
  ASSERT_TRUE(program.until_it_says("run directory: "));
  const fs::path run = run_directory_of(program.out());
  ASSERT_TRUE(program.until([&] { return !newest_checkpoint(run).empty(); }));
  program.signal(SIGINT);
  ASSERT_EQ(program.wait().status, 128 + SIGINT);

  const fs::path checkpoint = newest_checkpoint(run);
  const std::string bytes = bytes_of(checkpoint);
  constexpr std::uint64_t less_than_a_checkpoint = 9000;
  ASSERT_LT(less_than_a_checkpoint, bytes.size());
  const ProgramResult refused =
      SearchFixture::run({"--resume", run}, {.file_size = less_than_a_checkpoint});
  EXPECT_EQ(expect_refusal(refused), run);
  EXPECT_EQ(newest_checkpoint(run), checkpoint);
  EXPECT_EQ(bytes_of(checkpoint), bytes);

  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
}

/// A file system of `size` at `folder`, seen by this process and its children alone.
bool mount_small(const fs::path& folder, const std::string& size) {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

TEST_F(DartsSearchDisk, ATinyFileSystem) {
  fs::create_directories(runs());
  if (!mount_small(runs(), "256k")) {
    GTEST_SKIP() << "mounting a file system is not permitted here";
  }
  const Arguments arguments =
      recipe({"run.checkpoint_every_steps=1", "search.epochs=3", "run.keep_checkpoints=100"});
  const ProgramResult refused = run(arguments);
  const fs::path run = expect_refusal(refused);
  EXPECT_THAT(refused.err, HasSubstr("space"));
  ASSERT_EQ(::mount("tmpfs", runs().c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
  EXPECT_EQ(finish({"--resume", run}), run);
  expect_same_run(run, finish(arguments));
  ::umount2(runs().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace darts::testing
