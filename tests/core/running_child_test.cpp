#include "expect_error.hpp"
#include "temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/child_process.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

namespace darts {
namespace {

using ::testing::HasSubstr;

class ChildProcessTest : public ::testing::Test {
 protected:
  ChildProcess shell(const std::string& script) const {
    return ChildProcess("/bin/sh", {"-c", script}, output());
  }
  std::filesystem::path output() const { return folder_ / "output.txt"; }

  /// Waits until the output holds `text`.
  void until(const std::string& text) const {
    for (int i = 0; i < 10'000 && read_file(output()).find(text) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  testing::TemporaryFolder folder_;
};

TEST_F(ChildProcessTest, TellsHowItEndedAndKeepsWhatItSaid) {
  EXPECT_TRUE(shell("echo one; echo two >&2").wait().success());
  EXPECT_EQ(shell("echo three; exit 7").wait().code, 7);
  EXPECT_EQ(read_file(output()), "one\ntwo\nthree\n");
  EXPECT_EQ(shell("kill -9 $$").wait().signal, SIGKILL);
}

TEST_F(ChildProcessTest, PollsWithoutWaiting) {
  ChildProcess child = shell("read line");
  EXPECT_EQ(child.wait().code, 1);  // there is nothing to read
  EXPECT_EQ(child.poll()->code, 1);
  ChildProcess sleeper = shell("echo asleep; sleep 100");
  EXPECT_FALSE(sleeper.poll().has_value());
}

TEST_F(ChildProcessTest, HearsSignalsThatThisProgramBlocks) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);
  ChildProcess child = shell("echo asleep; sleep 100");
  until("asleep");
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait().signal, SIGTERM);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(ChildProcessTest, IsKilledWithItsChildrenWhenTheObjectGoes) {
  {
    const ChildProcess child = shell("sleep 100 & echo $!; wait");
    until("\n");
  }
  const std::string sleeper = "/proc/" + read_file(output());
  const auto status = sleeper.substr(0, sleeper.size() - 1) + "/status";
  std::string state;
  for (int i = 0; i < 10'000; ++i) {
    std::ifstream file(status);
    state.assign(std::istreambuf_iterator<char>(file), {});
    if (state.empty() || state.find("State:\tZ") != std::string::npos) {
      return;  // ended, whether or not somebody has asked how
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ADD_FAILURE() << state;
}

TEST_F(ChildProcessTest, APlaceThatCannotBeWrittenAndAMissingProgram) {
  EXPECT_THAT(testing::error_of([] { ChildProcess("/bin/true", {}, "/nowhere/output.txt"); }),
              HasSubstr("/nowhere/output.txt"));
  EXPECT_EQ(ChildProcess("/nowhere/program", {}, output()).wait().code, 127);
  EXPECT_THAT(testing::error_of([] { sibling_program("darts_nothing"); }),
              HasSubstr("darts_nothing"));
}

}  // namespace
}  // namespace darts
