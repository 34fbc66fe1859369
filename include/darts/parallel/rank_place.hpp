#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace darts {

/// Which of the processes of a run this one is, as its launcher says.
struct RankPlace {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< among those on this machine
  int local_size = 1;
  std::string host = {};  ///< where the ranks meet (MASTER_ADDR); empty of one rank alone
  std::uint16_t port = 0;
  bool launcher_hosts = false;  ///< the meeting place is the launcher's; else rank 0's
  std::string attempt = "0";    ///< counts the launcher's restarts
  std::string interface = {};   ///< network interface to be reached by; empty: that towards `host`
  std::string error_file = {};  ///< where the launcher looks for the reason of a failure

  bool alone() const { return size == 1; }
};

/// A variable of the environment; nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// From the variables of the first of these launchers that has set its own: torchrun (RANK,
/// WORLD_SIZE, LOCAL_RANK, …), Open MPI, MPICH and its kin (PMI_RANK, …), a step of Slurm's srun.
/// Without any: one rank alone. Throws Error for variables that make no sense or do not suffice.
RankPlace rank_place(const Environment& environment);

/// Of this process.
RankPlace rank_place();

/// Variables with which a child is one rank by itself, whatever has started this program.
std::vector<std::pair<std::string, std::string>> one_rank_environment();

}  // namespace darts
