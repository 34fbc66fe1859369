// darts_search: searches for a cell. Parses the command line, fills the config, runs, reports.

#include <darts/core/atomic_file.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/stop_signals.hpp>
#include <darts/core/text.hpp>
#include <darts/search/deriver.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/search_run.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

struct Arguments {
  std::string config = "fashion_mnist.yaml";
  std::vector<std::string> settings;
  std::string name;
  std::string data_root;
  std::string device;
  std::string seed;
  std::string resume;
  std::string init_from;
  std::string derive;
  std::int64_t epoch = -1;
  std::string output;
  bool dry_run = false;
  bool help_config = false;
  bool config_reference = false;
};

void declare(CLI::App& app, Arguments& a) {
  app.set_version_flag(
      "--version", "darts " + std::string(program_version()) + " " + std::string(git_revision()));
  auto* config = app.add_option(
      "--config", a.config,
      "recipe: a YAML file, or the name of one of configs/search (default " + a.config + ")");
  app.add_option("--set", a.settings, "set any key of the config: --set search.epochs=5")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--name", a.name, "name of the run (name)");
  app.add_option("--data-root", a.data_root, "folder of the data sets (data.root)");
  app.add_option("--device", a.device, "auto, cpu, cuda or cuda:N (runtime.device)");
  app.add_option("--seed", a.seed, "seed of everything random (seed)");
  auto* resume = app.add_option("--resume", a.resume, "go on with the run in this run directory")
                     ->type_name("RUN_DIR")
                     ->excludes(config);
  app.add_option("--init-from", a.init_from,
                 "start a new run from the weights and alphas of this checkpoint")
      ->type_name("CHECKPOINT")
      ->excludes(resume);
  auto* derive =
      app.add_option("--derive", a.derive,
                     "no search: print the genotype of a run directory's alphas, or a checkpoint's")
          ->type_name("RUN_DIR|CHECKPOINT")
          ->excludes(resume)
          ->excludes(config);
  app.add_option("--epoch", a.epoch, "with --derive RUN_DIR: after this epoch (default: the last)")
      ->needs(derive);
  app.add_option("-o,--output", a.output, "with --derive: write the genotype to this file")
      ->needs(derive);
  app.add_flag(
      "--dry-run", a.dry_run,
      "no search: print the config, the supernet's size, and estimates of time and memory");
  app.add_flag("--help-config", a.help_config, "print every key of the config and stop");
  app.add_flag("--config-reference", a.config_reference, "the same as Markdown");
}

fs::path find_recipe(const std::string& name) {
  return find_resource(ResourceKind::search_config, name);
}

void apply(const Arguments& a, FieldTable& table) {
  const std::pair<const char*, const std::string&> shortcuts[] = {
      {"name", a.name}, {"data.root", a.data_root}, {"runtime.device", a.device}, {"seed", a.seed}};
  for (const auto& [key, value] : shortcuts) {
    if (!value.empty()) {
      table.set(key, value, "the command line");
    }
  }
  for (const std::string& setting : a.settings) {
    table.assign(setting);
  }
}

SearchConfig load_config(const Arguments& a, const fs::path& file) {
  SearchConfig config;
  FieldTable table = fields(config);
  table.load(file, find_recipe);
  apply(a, table);
  return config;
}

int print_derived(const Arguments& a) {
  DeriverOptions options;
  Genotype genotype;
  std::int64_t epoch = 0;
  if (fs::is_directory(a.derive)) {
    const RecordedAlphas recorded = read_alphas(fs::path(a.derive) / "alphas.jsonl", a.epoch);
    const SearchConfig config = load_config(a, fs::path(a.derive) / "config.yaml");
    options = {parse_primitives(recorded.primitives), config.space.edges_per_node};
    genotype = derive(recorded.alphas, options);
    genotype.name = config.name;
    epoch = recorded.epoch;
  } else {
    if (a.epoch >= 0) {
      throw Error("--epoch goes with a run directory; a checkpoint holds the alphas of one moment");
    }
    const StoredAlphas stored = alphas_of(load_checkpoint(a.derive));
    options = {parse_primitives(stored.primitives), stored.edges_per_node};
    genotype = derive(stored.alphas, options);
    genotype.name = fs::path(a.derive).stem().string();
    epoch = stored.epoch;
  }
  nlohmann::ordered_json json = to_json(genotype);
  json["provenance"] = {{"derived_from", a.derive}, {"epoch", epoch}};
  if (a.output.empty()) {
    std::cout << format_json(json) << std::flush;
  } else {
    write_file_atomically(a.output, format_json(json));
  }
  return 0;
}

/// A new run directory, for `config`. One that starts from a checkpoint gets its config.yaml, which
/// makes it a run that can be resumed, only when those weights are saved in it.
RunDirectory make_directory(const SearchConfig& config, bool with_config) {
  RunDirectory directory =
      RunDirectory::create(config.run.root, config.name, std::chrono::system_clock::now());
  if (with_config) {
    write_file_atomically(directory.config(), to_yaml(config));
  }
  return directory;
}

void report_end(SearchOutcome outcome, const SearchRun& run, const RunDirectory& directory,
                const Log& log) {
  const std::string path = directory.path().string();
  if (outcome == SearchOutcome::finished) {
    log.info("genotype: " + directory.genotype().string());
    log.info("best validation accuracy " + format_fixed(100.0 * run.state().best_accuracy, 2) +
             " % in epoch " + std::to_string(run.state().best_epoch));
  } else {
    log.info("stopped in epoch " + std::to_string(run.state().epoch + 1) + " after step " +
             std::to_string(run.state().step) + ", saved; go on with: darts_search --resume " +
             path);
  }
  log.info("run directory: " + path);
}

int run_search(SearchRun& run, const RunDirectory& directory, const Log& log,
               const StopSignals& signals) {
  const SearchOutcome outcome = run.run();
  report_end(outcome, run, directory, log);
  return outcome == SearchOutcome::finished ? 0 : signals.exit_status();
}

SearchHooks hooks_of(Log& log, const RunDirectory& directory, const StopSignals& signals) {
  log.add_file(directory.log());
  log.info("run directory: " + directory.path().string());
  return {log, /*show_progress=*/true, [&] { return signals.pending().has_value(); }};
}

void write_environment(const SearchRun& run, const RunDirectory& directory) {
  write_file_atomically(directory.environment(), describe_environment(run.device()).dump(2) + "\n");
}

int start(const Arguments& a, const StopSignals& signals) {
  const SearchConfig config = load_config(a, find_recipe(a.config));
  Log log;
  if (a.dry_run) {
    dry_run(config, log);
    return 0;
  }
  const RunDirectory directory = make_directory(config, /*with_config=*/a.init_from.empty());
  SearchRun run(config, directory, hooks_of(log, directory, signals));
  write_environment(run, directory);
  if (!a.init_from.empty()) {
    run.initialize_from(load_checkpoint(a.init_from));
    run.begin();
    write_file_atomically(directory.config(), to_yaml(config));
  }
  return run_search(run, directory, log, signals);
}

int resume(const Arguments& a, const StopSignals& signals) {
  const RunDirectory directory = RunDirectory::open(a.resume);
  const SearchConfig config = load_config(a, directory.config());
  Log log;
  if (a.dry_run) {
    dry_run(config, log);
    return 0;
  }
  SearchRun run(config, directory, hooks_of(log, directory, signals));
  run.resume();
  write_environment(run, directory);
  log.info("resuming in epoch " + std::to_string(run.state().epoch + 1) + " after step " +
           std::to_string(run.state().step));
  return run_search(run, directory, log, signals);
}

int search_main(int argc, char** argv) {
  const StopSignals signals(
      [](int) { std::fputs("\nstopping after this step; once more to stop at once\n", stderr); });
  Arguments a;
  CLI::App app(
      "Searches for a convolutional cell by differentiable architecture search (DARTS).\n"
      "The result is a genotype in a new run directory.");
  declare(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    throw Error(std::string(e.what()) + "; see darts_search --help");
  }
  SearchConfig defaults;
  if (a.help_config) {
    std::cout << fields(defaults).help();
    return 0;
  }
  if (a.config_reference) {
    std::cout << fields(defaults).reference_markdown();
    return 0;
  }
  if (!a.derive.empty()) {
    return print_derived(a);
  }
  return a.resume.empty() ? start(a, signals) : resume(a, signals);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("darts_search", [&] { return search_main(argc, argv); });
}
