#include "core/child_process.hpp"

#include <darts/core/stop_signals.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace darts {
namespace {

/// A pipe through which a child says that it has come to some point.
class Beacon {
 public:
  Beacon() {
    if (::pipe(ends_.data()) != 0) {
      std::abort();
    }
  }
  ~Beacon() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Beacon(const Beacon&) = delete;
  Beacon& operator=(const Beacon&) = delete;

  void light(int value) const {
    const auto byte = static_cast<unsigned char>(value);
    [[maybe_unused]] const auto written = ::write(ends_[1], &byte, 1);
  }
  /// What was sent, or -1 after ten seconds.
  int wait() const {
    pollfd ready{ends_[0], POLLIN, 0};
    unsigned char byte = 0;
    return ::poll(&ready, 1, 10'000) == 1 && ::read(ends_[0], &byte, 1) == 1 ? byte : -1;
  }

 private:
  std::array<int, 2> ends_{};
};

/// A program that starts, waits for a first signal, and stops in good order.
int polite_program(const Beacon& beacon) {
  StopSignals signals([&](int signal) { beacon.light(signal); });
  if (signals.pending() || signals.exit_status() != 0) {
    return 1;
  }
  beacon.light(0);
  while (!signals.pending()) {
    ::usleep(1000);
  }
  return signals.exit_status();
}

/// A program that takes no notice of signals.
int deaf_program(const Beacon& beacon) {
  StopSignals signals([&](int signal) { beacon.light(signal); });
  beacon.light(0);
  for (;;) {
    ::pause();
  }
}

TEST(StopSignals, TheFirstSignalAsksToStop) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Beacon beacon;
    const pid_t child = testing::start_child([&] { return polite_program(beacon); });
    ASSERT_EQ(beacon.wait(), 0);
    ::kill(child, signal);
    EXPECT_EQ(beacon.wait(), signal);
    EXPECT_EQ(testing::wait_for(child), 128 + signal);
  }
}

TEST(StopSignals, TheSecondSignalStopsAtOnce) {
  const Beacon beacon;
  const pid_t child = testing::start_child([&] { return deaf_program(beacon); });
  ASSERT_EQ(beacon.wait(), 0);
  ::kill(child, SIGINT);
  EXPECT_EQ(beacon.wait(), SIGINT);
  ::kill(child, SIGTERM);
  EXPECT_EQ(testing::wait_for(child), 143);
}

TEST(StopSignals, ACallbackMayThrow) {
  const Beacon beacon;
  const pid_t child = testing::start_child([&] {
    StopSignals signals([](int) { throw std::runtime_error("the terminal is gone"); });
    beacon.light(0);
    while (!signals.pending()) {
      ::usleep(1000);
    }
    return 5;
  });
  ASSERT_EQ(beacon.wait(), 0);
  ::kill(child, SIGTERM);
  EXPECT_EQ(testing::wait_for(child), 5);
}

TEST(StopSignals, RestoresWhatWasBefore) {
  const Beacon beacon;
  const pid_t child = testing::start_child([&] {
    { StopSignals signals({}); }
    beacon.light(0);
    ::pause();
    return 0;
  });
  ASSERT_EQ(beacon.wait(), 0);
  ::kill(child, SIGTERM);
  EXPECT_EQ(testing::wait_for(child), -SIGTERM);
}

TEST(StopSignals, AFileSizeLimitIsAnOrdinaryError) {
  const int status = testing::run_child([] {
    StopSignals signals({});
    char name[] = "/tmp/darts-test-XXXXXX";
    const int file = ::mkstemp(name);
    ::unlink(name);
    const rlimit limit{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return ::write(file, "x", 1) == -1 && errno == EFBIG ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace darts
