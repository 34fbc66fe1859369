#include "run_program.hpp"

#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>

#include <cstdio>
#include <tuple>

namespace darts {
namespace {

std::string folder_of(ResourceKind kind) {
  return kind == ResourceKind::train_config ? "configs/train" : "configs/search";
}

/// An empty text is not the same as none: it may come of a variable that a script has not set.
void refuse_empty(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (value.empty()) {
        throw Error(option->get_name() +
                    " is given an empty text; give a value or leave it out (is a variable of a "
                    "script not set?)");
      }
    }
  }
}

}  // namespace

void declare_version(CLI::App& app) {
  app.set_version_flag(
      "--version", "darts " + std::string(program_version()) + " " + std::string(git_revision()));
}

RecipeOptions declare_recipe(CLI::App& app, RecipeArguments& a, const std::string& init_help,
                             const std::string& dry_help) {
  declare_version(app);
  RecipeOptions options;
  options.config = app.add_option("--config", a.config,
                                  "recipe: a YAML file, or the name of one of " +
                                      folder_of(a.kind) + " (default " + a.config + ")");
  app.add_option("--set", a.settings, "set any key of the config: --set seed=5")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--name", a.name, "name of the run (name)");
  app.add_option("--data-root", a.data_root, "folder of the data sets (data.root)");
  app.add_option("--device", a.device, "auto, cpu, cuda or cuda:N (runtime.device)");
  app.add_option("--seed", a.seed, "seed of everything random (seed)");
  options.resume = app.add_option("--resume", a.resume, "go on with the run in this run directory")
                       ->type_name("RUN_DIR")
                       ->excludes(options.config);
  app.add_option("--run-dir", a.run_dir,
                 "run directory: start there, or go on with the run that is there; the same "
                 "command so starts a run and goes on with it")
      ->type_name("RUN_DIR")
      ->excludes(options.resume);
  app.add_option("--init-from", a.init_from, init_help)
      ->type_name("CHECKPOINT")
      ->excludes(options.resume);
  app.add_flag("--dry-run", a.dry_run, dry_help);
  app.add_flag("--help-config", a.help_config, "print every key of the config and stop");
  app.add_flag("--config-reference", a.config_reference, "the same as Markdown");
  return options;
}

std::optional<int> parse(CLI::App& app, const std::string& program, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    throw Error(std::string(e.what()) + "; see " + program + " --help");
  }
  refuse_empty(app);
  return std::nullopt;
}

void apply(const RecipeArguments& a, FieldTable& table) {
  const std::tuple<const char*, const char*, const std::string&> shortcuts[] = {
      {"--name", "name", a.name},
      {"--data-root", "data.root", a.data_root},
      {"--device", "runtime.device", a.device},
      {"--seed", "seed", a.seed}};
  for (const auto& [option, key, value] : shortcuts) {
    if (!value.empty()) {
      table.set(key, value, option);
    }
  }
  for (const std::string& setting : a.settings) {
    table.assign(setting);
  }
}

std::optional<RunDirectory> open_directory(const RecipeArguments& a) {
  const std::string& directory = a.resume.empty() ? a.run_dir : a.resume;
  std::error_code ignored;
  const bool new_run =
      directory.empty() ||
      (a.resume.empty() &&
       !std::filesystem::exists(std::filesystem::path(directory) / "config.yaml", ignored));
  if (new_run) {
    return std::nullopt;
  }
  check_program(directory, a.kind == ResourceKind::train_config ? "darts_train" : "darts_search");
  return RunDirectory::open(directory);
}

StopSignals stop_after_step() {
  return StopSignals(
      [](int) { std::fputs("\nstopping after this step; once more to stop at once\n", stderr); });
}

}  // namespace darts
