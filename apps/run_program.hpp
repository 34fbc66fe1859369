#pragma once

#include <darts/core/field_table.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/run.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/core/stop_signals.hpp>

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

// What the programs that run for long, darts_search and darts_train, have in common.

namespace darts {

/// The options that choose a recipe, change it, and go on with a run.
struct RecipeArguments {
  ResourceKind kind = ResourceKind::search_config;
  std::string config;
  std::vector<std::string> settings;
  std::string name;
  std::string data_root;
  std::string device;
  std::string seed;
  std::string resume;
  std::string init_from;
  bool dry_run = false;
  bool help_config = false;
  bool config_reference = false;
};

/// The declared options that others exclude.
struct RecipeOptions {
  CLI::Option* config = nullptr;
  CLI::Option* resume = nullptr;
};

/// Declares them. `init_help` says what --init-from takes over; `dry_help` what --dry-run prints.
RecipeOptions declare_recipe(CLI::App& app, RecipeArguments& a, const std::string& init_help,
                             const std::string& dry_help);

/// Parses the command line. Returns the exit status where nothing is left to do (--help); throws
/// Error for a wrong one.
std::optional<int> parse(CLI::App& app, const std::string& program, int argc, char** argv);

/// Sets the fields that the command line gives.
void apply(const RecipeArguments& a, FieldTable& table);

/// The recipe as a file.
std::filesystem::path find_recipe(const RecipeArguments& a);

/// The config of the run: the recipe `file`, then the command line.
template <class Config>
Config load_config(const RecipeArguments& a, const std::filesystem::path& file) {
  Config config;
  FieldTable table = fields(config);
  table.load(file, [&a](const std::string& name) { return find_resource(a.kind, name); });
  apply(a, table);
  return config;
}

/// --help-config and --config-reference; false if neither was given.
template <class Config>
bool print_reference(const RecipeArguments& a) {
  Config defaults;
  if (a.help_config) {
    std::cout << fields(defaults).help();
  } else if (a.config_reference) {
    std::cout << fields(defaults).reference_markdown();
  }
  return a.help_config || a.config_reference;
}

/// The signals that end a run after its step.
StopSignals stop_after_step();

/// Hooks that show progress, stop at a signal, and log into the run directory as well.
RunHooks make_hooks(const RunDirectory& directory, const StopSignals& signals);

/// Makes a run by `make` in a new directory; removes the directory if that fails, since nothing is
/// in it then.
template <class Make>
auto make_or_discard(const RunDirectory& directory, const Make& make) {
  try {
    return make();
  } catch (...) {
    directory.discard();
    throw;
  }
}

void write_environment(const c10::Device& device, const RunDirectory& directory);

/// "stopped in epoch …, saved; go on with: darts_search --resume …".
void report_stop(const std::string& program, std::int64_t epoch, std::int64_t step,
                 const RunDirectory& directory, const Log& log);

}  // namespace darts
