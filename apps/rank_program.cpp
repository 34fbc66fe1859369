#include "rank_program.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/device.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/parallel/connect.hpp>
#include <darts/parallel/launcher.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace darts {
namespace {

constexpr std::string_view option_name = "--processes";

int count_of(const std::string& processes) {
  if (processes == "gpu") {
    const int gpus = gpu_count();
    if (gpus == 0) {
      throw Error("--processes gpu: this machine has no GPU that could be used");
    }
    return gpus;
  }
  constexpr int most = 1024;
  int count = 0;
  const char* const end = processes.data() + processes.size();
  const auto [rest, failure] = std::from_chars(processes.data(), end, count);
  if (failure != std::errc{} || rest != end || count < 1 || count > most) {
    throw Error("--processes takes a whole number from 1 to " + std::to_string(most) +
                ", or gpu for one a GPU, not " + in_quotes(processes));
  }
  return count;
}

/// The command line without the program and --processes.
std::vector<std::string> other_arguments(const CommandLine& line) {
  std::vector<std::string> arguments;
  for (int i = 1; i < line.count; ++i) {
    const std::string argument = line.arguments[i];
    if (argument == option_name) {
      ++i;
    } else if (!argument.starts_with(std::string(option_name) + "=")) {
      arguments.push_back(argument);
    }
  }
  return arguments;
}

/// What torchrun shows as the reason of a failure.
void write_error_file(const std::string& file, const std::string& message) {
  if (file.empty()) {
    return;
  }
  try {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const nlohmann::json error{
        {"message", "error: " + message},
        {"timestamp", std::chrono::duration_cast<std::chrono::seconds>(now).count()}};
    write_file_atomically(file, error.dump());
  } catch (const std::exception&) {  // the message is printed all the same
  }
}

/// The largest of all ranks' statuses: a signal may have come to one of them.
int agreed(Ranks& ranks, int status) {
  for (const std::string& text : ranks.exchange(std::to_string(status))) {
    status = std::max(status, std::stoi(text));
  }
  return status;
}

/// What `work` throws, as an Error that is told to whoever waits for this rank.
template <class Work>
int telling(const RankPlace& place, const std::shared_ptr<Ranks>& ranks, const Work& work) {
  const auto tell = [&](const std::string& message) {
    if (ranks) {
      ranks->leave(message);
    }
    write_error_file(place.error_file, message);
  };
  try {
    try {
      return work();
    } catch (...) {
      detail::rethrow_as_error();
    }
  } catch (const std::exception& failure) {
    tell(one_line(failure.what()));
    throw;
  }
}

}  // namespace

CLI::Option* declare_processes(CLI::App& app, std::string& processes) {
  return app
      .add_option(std::string(option_name), processes,
                  "start so many processes (ranks) on this machine that do the work together, or "
                  "one for each GPU; several machines: torchrun, srun, mpirun (docs/scaling.md)")
      ->type_name("N|gpu");
}

std::optional<int> launch_ranks(const std::string& processes, const CommandLine& line,
                                const StopSignals& signals) {
  if (processes.empty()) {
    return std::nullopt;
  }
  const int count = count_of(processes);
  if (!rank_place().alone()) {
    throw Error(
        "--processes is for a program that is started by hand, and this one is already one "
        "of several processes (by torchrun, srun, mpirun); leave it out");
  }
  Launch what;
  what.program = std::filesystem::read_symlink("/proc/self/exe");
  what.arguments = other_arguments(line);
  what.processes = count;
  return launch(what, signals);
}

bool works_alone(const RecipeArguments& a) { return a.processes.empty() && rank_place().alone(); }

int on_ranks(const ParallelOptions& options,
             const std::function<int(const std::shared_ptr<Ranks>&)>& work) {
  const RankPlace place = rank_place();
  if (place.alone()) {
    return work(single_rank());
  }
  std::shared_ptr<Ranks> ranks;
  telling(place, ranks, [&] {
    const std::chrono::duration<double> timeout(options.timeout_seconds);
    ranks = connect(place, {std::chrono::duration_cast<std::chrono::milliseconds>(timeout)});
    return 0;
  });
  return telling(place, ranks, [&] { return agreed(*ranks, work(ranks)); });
}

std::optional<RunDirectory> open_directory(const RecipeArguments& a, Ranks& ranks) {
  if (ranks.is_first()) {
    std::optional<RunDirectory> directory = open_directory(a);
    ranks.of_first(directory ? directory->path().string() : "");
    return directory;
  }
  const std::string path = ranks.of_first("");
  return path.empty() ? std::nullopt : std::optional(RunDirectory::follow(path));
}

int exit_status(RunOutcome outcome, const StopSignals& signals) {
  return outcome == RunOutcome::finished ? 0 : signals.exit_status();
}

RunHooks make_hooks(const StopSignals& signals, const std::shared_ptr<Ranks>& ranks) {
  return {ranks->is_first() ? Log() : Log::warnings(), ranks->is_first(),
          [&signals] { return signals.pending().has_value(); }, ranks};
}

}  // namespace darts
