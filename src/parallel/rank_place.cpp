#include <darts/core/error.hpp>
#include <darts/parallel/rank_place.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

namespace darts {
namespace {

/// The variables in which a launcher says how many ranks there are, and which this is.
struct Launcher {
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};

constexpr std::array<Launcher, 4> launchers{{
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    // SLURM_NTASKS, which sbatch sets as well, would make a rank of what runs without srun.
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"},
}};

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() ? std::optional(number)
                                                                    : std::nullopt;
}

/// A whole number in [least, most] in a variable. Throws Error if there is none.
std::int64_t number(const Environment& environment, const std::string& name, std::int64_t least,
                    std::int64_t most) {
  const std::optional<std::string> text = environment(name);
  if (!text) {
    throw Error("the environment has no " + name +
                ", although other variables say that this is one of several processes; start it "
                "by a launcher (torchrun, srun, mpirun, --processes) or unset them");
  }
  const std::optional<std::int64_t> value = number_in(*text);
  if (!value || *value < least || *value > most) {
    throw Error("the environment's " + name + " is '" + *text +
                "', which is no whole number from " + std::to_string(least) + " to " +
                std::to_string(most) + "; start this program by a launcher, or unset it");
  }
  return *value;
}

/// Slurm tells the ranks on each node as "2(x3),1", of which ours is not said: what all have, if it
/// is the same on all.
std::optional<int> tasks_on_each(const std::string& text) {
  const std::string count = text.substr(0, text.find('('));
  const bool even = text.find(',') == std::string::npos;
  const auto value = number_in(count);
  return even && value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

/// As far as the launcher says it.
std::optional<int> local_size(const Environment& environment, const Launcher& launcher,
                              const RankPlace& place) {
  const std::optional<std::string> text = environment(launcher.local_size);
  const std::optional<int> tasks = text ? tasks_on_each(*text) : std::nullopt;
  return tasks ? std::optional(std::clamp(*tasks, place.local_rank + 1, place.size)) : std::nullopt;
}

/// Of Slurm's list of nodes, such as "gpu[07-09,12],login1": gpu07.
std::string first_host(const std::string& nodes) {
  std::string host;
  bool in_brackets = false;
  bool skips = false;  // what stands behind the first number in the brackets
  for (const char letter : nodes) {
    if (letter == '[' || letter == ']') {
      in_brackets = letter == '[';
      skips = false;
    } else if (letter == ',' && !in_brackets) {
      break;
    } else {
      skips = skips || (in_brackets && (letter == '-' || letter == ','));
      host += skips ? std::string() : std::string(1, letter);
    }
  }
  return host;
}

/// Rank 0's machine.
std::string meeting_host(const Environment& environment, bool all_here) {
  if (const auto host = environment("MASTER_ADDR"); host && !host->empty()) {
    return *host;
  }
  if (all_here) {
    return "127.0.0.1";
  }
  if (const auto nodes = environment("SLURM_STEP_NODELIST"); nodes && !nodes->empty()) {
    return first_host(*nodes);
  }
  throw Error(
      "the environment has no MASTER_ADDR: set it, and MASTER_PORT, to the address of "
      "rank 0's machine and a free port there, the same for all ranks");
}

/// What tells the launcher's jobs apart; empty: nothing does.
std::string job_name(const Environment& environment) {
  if (const auto job = environment("SLURM_JOB_ID")) {
    return *job + "." + environment("SLURM_STEP_ID").value_or("");
  }
  return environment("PMIX_NAMESPACE").value_or("");
}

/// The usual port or, where jobs that share a machine can be told apart, one for each, below those
/// that systems hand out themselves.
std::uint16_t meeting_port(const Environment& environment) {
  constexpr std::uint16_t usual = 29500;
  constexpr std::uint32_t first = 15000;
  constexpr std::uint32_t ports = 14000;
  const std::string job = job_name(environment);
  std::uint32_t hash = 0;
  for (const char letter : job) {
    hash = hash * 31 + static_cast<unsigned char>(letter);
  }
  return job.empty() ? usual : static_cast<std::uint16_t>(first + hash % ports);
}

void add_meeting_place(const Environment& environment, RankPlace& place) {
  place.port = static_cast<std::uint16_t>(
      environment("MASTER_PORT")
          ? number(environment, "MASTER_PORT", 1, std::numeric_limits<std::uint16_t>::max())
          : meeting_port(environment));
  place.launcher_hosts = environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  place.attempt = environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
  place.interface = environment("GLOO_SOCKET_IFNAME").value_or("");
  place.error_file = environment("TORCHELASTIC_ERROR_FILE").value_or("");
}

}  // namespace

RankPlace rank_place(const Environment& environment) {
  constexpr std::int64_t most_ranks = 1'000'000;
  RankPlace place;
  for (const Launcher& launcher : launchers) {
    if (!environment(launcher.rank) || !environment(launcher.size)) {
      continue;
    }
    place.size = static_cast<int>(number(environment, launcher.size, 1, most_ranks));
    place.rank = static_cast<int>(number(environment, launcher.rank, 0, place.size - 1));
    if (place.alone()) {
      return {};
    }
    place.local_rank =
        static_cast<int>(number(environment, launcher.local_rank, 0, place.size - 1));
    const std::optional<int> told = local_size(environment, launcher, place);
    place.local_size = told.value_or(place.local_rank + 1);
    place.host = meeting_host(environment, told == place.size);
    add_meeting_place(environment, place);
    return place;
  }
  if (environment("WORLD_SIZE").value_or("1") != "1") {
    number(environment, "RANK", 0, 0);  // tells what is missing
  }
  return place;
}

RankPlace rank_place() {
  return rank_place([](const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

std::vector<std::pair<std::string, std::string>> one_rank_environment() {
  return {{launchers.front().rank, "0"}, {launchers.front().size, "1"}};
}

}  // namespace darts
