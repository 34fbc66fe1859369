#include "launched_rank.hpp"

#include <darts/core/error.hpp>
#include <darts/parallel/launcher.hpp>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>

namespace darts {
namespace {

using parallel::LaunchedRank;
using Clock = std::chrono::steady_clock;
using Ranks = std::vector<LaunchedRank>;

constexpr std::chrono::milliseconds pause{20};

c10::intrusive_ptr<c10d::TCPStore> host_meeting() {
  try {
    c10d::TCPStoreOptions options;
    options.port = 0;  // whichever is free
    options.isServer = true;
    options.waitWorkers = false;
    return c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  } catch (const std::exception& failure) {
    throw Error(
        std::string("cannot listen on this machine's loopback, where the ranks would meet: ") +
        failure.what());
  }
}

Ranks start(const Launch& what, std::uint16_t port) {
  Ranks ranks;
  ranks.reserve(static_cast<std::size_t>(what.processes));
  for (int rank = 0; rank < what.processes; ++rank) {
    ranks.emplace_back(what, rank, port);
  }
  return ranks;
}

void signal_all(const Ranks& ranks, int number) {
  for (const LaunchedRank& rank : ranks) {
    rank.signal(number);
  }
}

bool all_ended(Ranks& ranks) {
  bool ended = true;
  for (LaunchedRank& rank : ranks) {
    ended = rank.poll() && ended;
  }
  return ended;
}

/// What the others get once a rank has failed. Those that exchange something with it end by
/// themselves; the first signal asks for an end after the step, the second one for one at once.
class Ending {
 public:
  explicit Ending(std::chrono::milliseconds grace)
      : signals_{{grace / 15, SIGTERM}, {grace / 5, SIGTERM}, {grace, SIGKILL}} {}

  void go_on(const Ranks& ranks) {
    while (!signals_.empty() && Clock::now() - begin_ > signals_.front().first) {
      signal_all(ranks, signals_.front().second);
      signals_.erase(signals_.begin());
    }
  }

 private:
  Clock::time_point begin_ = Clock::now();
  std::vector<std::pair<std::chrono::milliseconds, int>> signals_;
};

/// Until all have ended: passes signals on, and ends the others once one has failed.
void wait_for(Ranks& ranks, const Launch& what, const StopSignals& signals) {
  bool passed_on = false;
  std::optional<Ending> ending;
  while (!all_ended(ranks)) {
    if (const auto number = signals.pending(); number && !passed_on) {
      signal_all(ranks, *number);
      passed_on = true;
    }
    if (!ending && std::ranges::any_of(ranks, &LaunchedRank::has_failed)) {
      ending.emplace(what.grace);
    }
    if (ending) {
      ending->go_on(ranks);
    }
    std::this_thread::sleep_for(pause);
  }
}

/// Of those that failed the one that did so by itself, not since another one had.
const LaunchedRank* first_failed(const Ranks& ranks) {
  const LaunchedRank* first = nullptr;
  for (const LaunchedRank& rank : ranks) {
    if (rank.has_failed() && (first == nullptr || rank.failed_before(*first))) {
      first = &rank;
    }
  }
  return first;
}

}  // namespace

int launch(const Launch& what, const StopSignals& signals) {
  const auto meeting = host_meeting();
  Ranks ranks = start(what, meeting->getPort());
  wait_for(ranks, what, signals);
  const LaunchedRank* const failed = first_failed(ranks);
  if (failed == nullptr) {
    return std::ranges::max_element(ranks, {}, &LaunchedRank::status)->status();
  }
  // Rank 0 says what its own error is, or which rank has ended and why.
  if (failed->was_killed() || !ranks.front().has_told()) {
    std::cerr << failed->failure() << std::flush;
  }
  return failed->status();
}

}  // namespace darts
