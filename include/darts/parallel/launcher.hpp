#pragma once

#include <darts/core/stop_signals.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace darts {

/// What is started several times on this machine.
struct Launch {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  int processes = 1;
  /// How long ranks have to end once one has failed, before they are killed.
  std::chrono::milliseconds grace = std::chrono::seconds(30);
};

/// Starts a program as the ranks of one run on this machine, as torchrun would, and waits for them.
/// Where they meet is hosted here, at a port that is free.
///
/// Rank 0's output is shown as it is, of the others what they say on standard error, behind
/// "[rank 3] ". SIGINT and SIGTERM go to all ranks. If a rank fails the others are ended, and the
/// status is that of the one that failed first, whose message is printed; else it is what the ranks
/// return.
int launch(const Launch& what, const StopSignals& signals);

}  // namespace darts
