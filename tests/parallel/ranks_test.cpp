// Ranks that are processes, by c10d over loopback.
#include "core/temporary_folder.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/child_process.hpp>
#include <darts/core/file_descriptor.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace darts {
namespace {

using Clock = std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A socket on loopback, and its port.
struct Listener {
  Listener() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  void listen() const { EXPECT_EQ(::listen(socket.get(), 8), 0); }

  FileDescriptor socket;
  std::uint16_t port = 0;
};

/// One that nobody listens at.
std::uint16_t free_port() { return Listener().port; }

/// Whether the ranks are told that they are on one machine, where they share memory.
class RanksTest : public ::testing::TestWithParam<bool> {
 protected:
  std::filesystem::path said(int rank) const { return folder_ / std::to_string(rank); }

  ChildProcess start(const std::string& what, int rank, int size, std::uint16_t port,
                     int seconds = 60, const std::string& host = "127.0.0.1") const {
    const FileDescriptor file(
        ::open(said(rank).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    return {DARTS_RANK_TRIAL,
            {what, std::to_string(seconds)},
            ChildSetup{{{"RANK", std::to_string(rank)},
                        {"WORLD_SIZE", std::to_string(size)},
                        {"LOCAL_RANK", std::to_string(rank)},
                        {"LOCAL_WORLD_SIZE", std::to_string(GetParam() ? size : rank + 1)},
                        {"MASTER_ADDR", host},
                        {"MASTER_PORT", std::to_string(port)},
                        {"OMP_NUM_THREADS", "1"}},
                       file.get(),
                       file.get()}};
  }

  std::vector<ChildProcess> start_all(const std::string& what, int size, int seconds = 60) const {
    const std::uint16_t port = free_port();
    std::vector<ChildProcess> ranks;
    for (int rank = 0; rank < size; ++rank) {
      ranks.push_back(start(what, rank, size, port, seconds));
    }
    return ranks;
  }

  void until_all_say(const std::string& text, int size) const {
    for (int rank = 0; rank < size; ++rank) {
      for (int i = 0; i < 60'000 && read_file(said(rank)).find(text) == std::string::npos; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  testing::TemporaryFolder folder_;
};

TEST_P(RanksTest, ExchangeEverything) {
  for (const int size : {1, 2, 3, 4}) {
    std::vector<ChildProcess> ranks = start_all("exchange", size);
    for (int rank = 0; rank < size; ++rank) {
      EXPECT_TRUE(ranks[static_cast<std::size_t>(rank)].wait().success()) << read_file(said(rank));
    }
  }
}

/// The first one hosts the place where they meet.
TEST_P(RanksTest, EndSoonAfterOneOfThemIsKilled) {
  constexpr int size = 3;
  constexpr std::chrono::seconds soon{5};  // some 0.7 s on a machine that does nothing else
  for (int victim = 0; victim < size; ++victim) {
    std::vector<ChildProcess> ranks = start_all("loop", size);
    until_all_say("in the loop", size);
    ranks[static_cast<std::size_t>(victim)].signal(SIGKILL);
    const auto begin = Clock::now();
    for (int rank = 0; rank < size; ++rank) {
      const ExitStatus end = ranks[static_cast<std::size_t>(rank)].wait();
      if (rank != victim) {
        EXPECT_EQ(end.code, 1);
        EXPECT_THAT(read_file(said(rank)),
                    HasSubstr("error: rank " + std::to_string(victim) + " has ended"));
      }
    }
    EXPECT_LT(Clock::now() - begin, soon);
  }
}

TEST_P(RanksTest, SayWhyOneOfThemHasEnded) {
  std::vector<ChildProcess> ranks = start_all("leave", 3);
  for (ChildProcess& rank : ranks) {
    EXPECT_EQ(rank.wait().code, 1);
  }
  for (const int rank : {0, 2}) {
    EXPECT_THAT(read_file(said(rank)),
                HasSubstr("error: rank 1 has ended: cannot write alphas.jsonl: no space left"));
  }
}

TEST_P(RanksTest, NameTheOneThatStandsStill) {
  std::vector<ChildProcess> ranks = start_all("stand", 3, /*seconds=*/4);
  for (const int rank : {0, 2}) {
    EXPECT_EQ(ranks[static_cast<std::size_t>(rank)].wait().code, 1);
    EXPECT_THAT(read_file(said(rank)), HasSubstr("rank 1 has not answered for 4 s"));
  }
  ranks[1].signal(SIGKILL);
}

INSTANTIATE_TEST_SUITE_P(OnOneMachine, RanksTest, ::testing::Bool());

class MeetingTest : public RanksTest {};

TEST_P(MeetingTest, NameTheOneThatDoesNotCome) {
  const std::uint16_t port = free_port();
  ChildProcess first = start("exchange", 0, 3, port, /*seconds=*/2);
  ChildProcess last = start("exchange", 2, 3, port, /*seconds=*/2);
  EXPECT_EQ(first.wait().code, 1);
  EXPECT_THAT(read_file(said(0)),
              AllOf(HasSubstr("error: rank 1 of 3 did not come"), HasSubstr("within 2 s")));
  last.wait();
}

TEST_P(MeetingTest, SayThatTheMeetingPlaceIsNotThere) {
  EXPECT_EQ(start("exchange", 1, 2, free_port(), /*seconds=*/1).wait().code, 1);
  EXPECT_THAT(read_file(said(1)), HasSubstr("error: nobody listens at 127.0.0.1:"));
  EXPECT_EQ(start("exchange", 1, 2, 4000, /*seconds=*/1, "no-such-host.invalid").wait().code, 1);
  EXPECT_THAT(read_file(said(1)), HasSubstr("error: there is no machine \"no-such-host.invalid\""));
}

TEST_P(MeetingTest, SayThatTheMeetingPlaceIsAnothers) {
  const Listener silent;  // takes connections, and says nothing
  silent.listen();
  EXPECT_EQ(start("exchange", 0, 2, silent.port, /*seconds=*/1).wait().code, 1);
  EXPECT_THAT(read_file(said(0)), HasSubstr("is taken on this machine"));
  EXPECT_EQ(start("exchange", 1, 2, silent.port, /*seconds=*/1).wait().code, 1);
  EXPECT_THAT(read_file(said(1)), HasSubstr("is another program's"));
}

INSTANTIATE_TEST_SUITE_P(Anywhere, MeetingTest, ::testing::Values(false));

}  // namespace
}  // namespace darts
