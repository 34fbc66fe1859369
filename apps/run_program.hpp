#pragma once

#include <darts/core/stop_signals.hpp>
#include <darts/run/hooks.hpp>
#include <darts/run/load_config.hpp>
#include <darts/run/run_directory.hpp>

#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>
#include <optional>
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
  std::string run_dir;
  std::string processes;
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

/// Declares --version.
void declare_version(CLI::App& app);

/// Declares them. `init_help` says what --init-from takes over; `dry_help` what --dry-run prints.
RecipeOptions declare_recipe(CLI::App& app, RecipeArguments& a, const std::string& init_help,
                             const std::string& dry_help);

/// Declares an option that takes a whole number. Errors are those of a config's keys.
template <class Number>
CLI::Option* add_number(CLI::App& app, const std::string& name, Number& field,
                        const std::string& help, const Range& range) {
  const auto set = [name, &field, range](const std::string& text) {
    FieldTable table;
    table.add("number", field, "", range);
    table.set("number", text, name);
  };
  return app.add_option_function<std::string>(name, set, help)->type_name("N");
}

/// Parses the command line. Returns the exit status where nothing is left to do (--help); throws
/// Error for a wrong one.
std::optional<int> parse(CLI::App& app, const std::string& program, int argc, char** argv);

/// Sets the fields that the command line gives.
void apply(const RecipeArguments& a, FieldTable& table);

/// The config of a run: of the directory that --resume names, else of the recipe; then the command
/// line, and `more` of it. A run that --run-dir goes on with compares it with its own.
template <class Config>
Config load_config(const RecipeArguments& a, const std::function<void(FieldTable&)>& more = {}) {
  auto config =
      load_config<Config>(a.resume.empty() ? find_resource(Config::recipes, a.config)
                                           : std::filesystem::path(a.resume) / "config.yaml",
                          [&](FieldTable& table) {
                            apply(a, table);
                            if (more) {
                              more(table);
                            }
                          });
  config.run.directory = a.run_dir;
  return config;
}

/// The run directory that the command line goes on with: of --resume, or of --run-dir where a run
/// has begun there.
std::optional<RunDirectory> open_directory(const RecipeArguments& a);

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

}  // namespace darts
