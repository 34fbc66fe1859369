#include <darts/core/progress.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

namespace darts {
namespace {

/// A stream, a clock and a terminal that the test moves.
struct Fake {
  std::ostringstream stream;
  double now = 1000.0;
  int width = 80;

  ProgressOutput output(bool live, bool unicode = false) {
    return {&stream, live, unicode, [this] { return width; }, [this] { return now; }};
  }
  /// What was written since the last call.
  std::string taken() {
    std::string text = stream.str();
    stream.str("");
    return text;
  }
};

TEST(Progress, DrawsALiveLine) {
  Fake fake;
  Progress progress({"epoch 3/50", 390}, fake.output(true));
  fake.now += 100.0;
  progress.update(100, "loss 1.23  acc 45.1 %");
  EXPECT_EQ(fake.taken(),
            "\repoch 3/50  100/390  [##.........]  25 %  ETA 4 min 50 s  loss 1.23  acc 45.1 %"
            "\x1b[K")
      << "79 columns, of which the bar has what is left";
}

TEST(Progress, DrawsBlocksWhereTheTerminalHasThem) {
  Fake fake;
  Progress progress({"search", 4}, fake.output(true, true));
  progress.update(2);
  EXPECT_EQ(fake.taken(), "\rsearch  2/4  [██████████░░░░░░░░░░]  50 %  ETA 0.0 s\x1b[K");
}

TEST(Progress, RedrawsTenTimesASecondAtMost) {
  Fake fake;
  Progress progress({"x", 1000}, fake.output(true));
  std::size_t drawings = 0;
  for (int step = 1; step < 1000; ++step) {
    fake.now += 0.01;
    progress.update(step);
    drawings += fake.taken().empty() ? 0 : 1;
  }
  EXPECT_GE(drawings, 90U);
  EXPECT_LE(drawings, 101U);
}

TEST(Progress, DrawsTheFirstAndTheLastStepAtOnce) {
  Fake fake;
  Progress progress({"x", 3}, fake.output(true));
  progress.update(1);
  EXPECT_NE(fake.taken(), "");
  progress.update(2);
  EXPECT_EQ(fake.taken(), "");
  progress.update(3);
  EXPECT_EQ(fake.taken(), "\rx  3/3  [####################]  100 %\x1b[K");
}

TEST(Progress, EstimatesFromTheStepsOfThisProcess) {
  Fake fake;
  Progress progress({"x", 400, 300}, fake.output(true));
  progress.update(300);
  EXPECT_EQ(fake.taken().find("ETA"), std::string::npos);
  fake.now += 10.0;
  progress.update(310);
  EXPECT_NE(fake.taken().find("ETA 1 min 30 s"), std::string::npos);
}

TEST(Progress, WorksWithoutATotal) {
  Fake fake;
  Progress progress({"reading"}, fake.output(true));
  progress.update(12, "3 MiB/s");
  EXPECT_EQ(fake.taken(), "\rreading  12  3 MiB/s\x1b[K");
}

TEST(Progress, FitsAnyWidth) {
  for (int width = -3; width < 130; ++width) {
    Fake fake;
    fake.width = width;
    Progress progress({"größer", 10}, fake.output(true, true));
    progress.update(5, "loss 1.23  812 images/s");
    const std::string line = fake.taken();
    const auto wide =
        std::count_if(line.begin(), line.end(),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }) -
        4;  // \r and \x1b[K
    EXPECT_LT(wide, width < 1 ? 80 : width);
  }
}

TEST(Progress, KeepsTheTextOnOneLine) {
  Fake fake;
  Progress progress({"x", 2}, fake.output(true));
  progress.update(1, "a\nb\x1b[2J");
  EXPECT_NE(fake.taken().find("a b [2J"), std::string::npos);
}

TEST(Progress, ClearsBeforeALogLineAndDrawsAgain) {
  Fake fake;
  Progress progress({"x", 9}, fake.output(true));
  progress.clear();
  EXPECT_EQ(fake.taken(), "") << "nothing to clear yet";
  progress.redraw();
  EXPECT_EQ(fake.taken(), "") << "nothing to draw yet";
  progress.update(1);
  const std::string line = fake.taken();
  progress.clear();
  EXPECT_EQ(fake.taken(), "\r\x1b[K");
  progress.clear();
  EXPECT_EQ(fake.taken(), "");
  progress.redraw();
  EXPECT_EQ(fake.taken(), line);
}

TEST(Progress, LeavesNothingOnTheTerminalAtItsEnd) {
  Fake fake;
  {
    Progress progress({"x", 9}, fake.output(true));
    progress.update(9);
    fake.taken();
    progress.finish();
    EXPECT_EQ(fake.taken(), "\r\x1b[K");
    progress.finish();
    progress.update(9);
    progress.redraw();
  }
  EXPECT_EQ(fake.taken(), "");
  try {
    Progress progress({"x", 9}, fake.output(true));
    progress.update(1);
    fake.taken();
    throw std::runtime_error("stop");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(fake.taken(), "\r\x1b[K");
}

TEST(Progress, PrintsPlainLinesNowAndThen) {
  Fake fake;
  Progress progress({"epoch 1/2", 100}, fake.output(false));
  for (int step = 1; step <= 100; ++step) {
    fake.now += 1.0;
    progress.update(step, "loss " + std::to_string(step));
    progress.clear();
  }
  progress.finish();
  progress.finish();
  EXPECT_EQ(fake.taken(),
            "epoch 1/2  30/100  30 %  ETA 1 min 10 s  loss 30\n"
            "epoch 1/2  60/100  60 %  ETA 40.0 s  loss 60\n"
            "epoch 1/2  90/100  90 %  ETA 10.0 s  loss 90\n"
            "epoch 1/2  100/100  1 min 40 s  loss 100\n");
}

TEST(Progress, APlainLoopThatNeverBeganPrintsNothing) {
  Fake fake;
  Progress progress({"x", 9}, fake.output(false));
  progress.finish();
  EXPECT_EQ(fake.taken(), "");
}

TEST(Progress, TakesStepsBeyondTheTotal) {
  Fake fake;
  Progress progress({"x", 2}, fake.output(true));
  progress.update(5);
  EXPECT_EQ(fake.taken(), "\rx  5/2  [####################]  100 %\x1b[K");
}

/// Standard error on a pseudo-terminal of 50 columns while the object lives.
class OnTerminal {
 public:
  OnTerminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)), kept_(::dup(STDERR_FILENO)) {
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) {
      return;
    }
    slave_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    winsize size{};
    size.ws_col = 50;
    works_ = slave_ >= 0 && ::ioctl(slave_, TIOCSWINSZ, &size) == 0 &&
             ::dup2(slave_, STDERR_FILENO) >= 0;
  }
  ~OnTerminal() {
    ::dup2(kept_, STDERR_FILENO);
    for (const int descriptor : {master_, kept_, slave_}) {
      ::close(descriptor);
    }
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  bool works() const { return works_; }

 private:
  int master_;
  int kept_;
  int slave_ = -1;
  bool works_ = false;
};

TEST(Progress, StandardErrorIsLiveOnATerminalThatCanRedraw) {
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "xterm", 1);
  {
    const OnTerminal terminal;
    if (!terminal.works()) {
      GTEST_SKIP() << "no pseudo-terminal here";
    }
    const ProgressOutput output = ProgressOutput::standard_error();
    EXPECT_TRUE(output.live);
    EXPECT_EQ(output.width(), 50);
    ::setenv("NO_COLOR", "1", 1);
    EXPECT_FALSE(ProgressOutput::standard_error().live);
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "dumb", 1);
    EXPECT_FALSE(ProgressOutput::standard_error().live);
  }
  ::setenv("TERM", "xterm", 1);
  const int null = ::open("/dev/null", O_WRONLY);
  const int kept = ::dup(STDERR_FILENO);
  ::dup2(null, STDERR_FILENO);
  EXPECT_FALSE(ProgressOutput::standard_error().live);
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  ::close(null);
}

TEST(Progress, BlocksFollowTheLocalesVariables) {
  ::setenv("LC_ALL", "C", 1);
  EXPECT_FALSE(ProgressOutput::standard_error().unicode);
  ::setenv("LC_ALL", "de_DE.UTF-8", 1);
  EXPECT_TRUE(ProgressOutput::standard_error().unicode);
  ::unsetenv("LC_ALL");
  ::unsetenv("LC_CTYPE");
  ::setenv("LANG", "C.utf8", 1);
  EXPECT_TRUE(ProgressOutput::standard_error().unicode);
  ::unsetenv("LANG");
  EXPECT_FALSE(ProgressOutput::standard_error().unicode);
}

}  // namespace
}  // namespace darts
