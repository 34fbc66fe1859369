#pragma once

#include "run_program.hpp"

#include <darts/parallel/rank_place.hpp>
#include <darts/parallel/ranks.hpp>
#include <darts/run/long_run.hpp>
#include <darts/run/options.hpp>

// What the programs that can work as several processes have in common.

namespace darts {

/// What main() is given.
struct CommandLine {
  int count = 0;
  char** arguments = nullptr;
};

/// Declares --processes.
CLI::Option* declare_processes(CLI::App& app, std::string& processes);

/// Starts this program with the rest of its command line as that many ranks, and waits for them.
/// Returns their exit status; nothing if --processes was not given. Throws Error.
std::optional<int> launch_ranks(const std::string& processes, const CommandLine& line,
                                const StopSignals& signals);

/// Whether this process does all of the work, and knows so before it meets any others.
bool works_alone(const RecipeArguments& a);

/// work() with the ranks that this process is one of, or by itself. The exit status is the same on
/// all ranks; why one of them ends by an error is told to the others and to the launcher.
int on_ranks(const ParallelOptions& options,
             const std::function<int(const std::shared_ptr<Ranks>&)>& work);

/// As open_directory(), of which the first rank decides and does the writing.
std::optional<RunDirectory> open_directory(const RecipeArguments& a, Ranks& ranks);

/// 0 for a run that has finished, else that of the signal.
int exit_status(RunOutcome outcome, const StopSignals& signals);

/// Hooks that show progress, stop at a signal, and log to the terminal; of ranks but the first one
/// only warnings.
RunHooks make_hooks(const StopSignals& signals, const std::shared_ptr<Ranks>& ranks);

}  // namespace darts
