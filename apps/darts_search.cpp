// darts_search: searches for a cell. Parses the command line, fills the config, runs, reports.

#include "run_program.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/utf8.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/method.hpp>
#include <darts/search/search_run.hpp>

#include <nlohmann/json.hpp>

#include <iomanip>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

struct Arguments : RecipeArguments {
  std::string derive;
  std::int64_t epoch = -1;
  std::string output;
  bool list_operations = false;
};

void declare(CLI::App& app, Arguments& a) {
  a.config = "fashion_mnist.yaml";
  const auto [config, resume] = declare_recipe(
      app, a, "start a new run from the weights and alphas of this checkpoint",
      "no search: print the config, the supernet's size, and estimates of time and memory");
  auto* derive =
      app.add_option("--derive", a.derive,
                     "no search: print the genotype of a run directory's alphas, or a checkpoint's")
          ->type_name("RUN_DIR|CHECKPOINT")
          ->excludes(resume)
          ->excludes(config)
          ->excludes(app.get_option("--init-from"))
          ->excludes(app.get_option("--dry-run"));
  app.add_option("--epoch", a.epoch, "with --derive RUN_DIR: after this epoch (default: the last)")
      ->check(CLI::NonNegativeNumber)
      ->needs(derive);
  app.add_option("-o,--output", a.output, "with --derive: write the genotype to this file")
      ->needs(derive);
  app.add_flag("--list-operations", a.list_operations,
               "no search: print the operations that space.primitives may name, and their kinds");
}

/// One operation a line: its name and its kind.
void print_operations() {
  for (const PrimitiveRow& row : primitive_table()) {
    std::cout << std::left << std::setw(14) << row.name << "  " << kind_name(row.kind) << "\n";
  }
  std::cout << std::flush;
}

void check_has_alphas(const fs::path& run) {
  if (program_of_run(run) == "darts_train") {
    throw Error(run.string() +
                " is a run of darts_train, which has no alphas to derive from; what it trains is "
                "its genotype.json");
  }
}

int print_derived(const Arguments& a) {
  Genotype genotype;
  std::int64_t epoch = 0;
  if (fs::is_directory(a.derive)) {
    check_has_alphas(a.derive);
    const RecordedAlphas recorded = read_alphas(fs::path(a.derive) / "alphas.jsonl", a.epoch);
    const auto config = load_config<SearchConfig>(fs::path(a.derive) / "config.yaml",
                                                  [&a](FieldTable& table) { apply(a, table); });
    SearchSpace space = search_space(config);
    space.primitives = recorded.primitives;
    const Theta theta(recorded.alphas, missing_columns(space, recorded.alphas));
    genotype = make_method(config.search.method)->derive(theta, space);
    genotype.name = config.name;
    epoch = recorded.epoch;
  } else {
    if (a.epoch >= 0) {
      throw Error("--epoch goes with a run directory; a checkpoint holds the alphas of one moment");
    }
    if (!a.settings.empty()) {
      throw Error("--set goes with a run directory; a checkpoint says itself how to derive");
    }
    const StoredTheta stored = theta_of(load_checkpoint(a.derive));
    genotype = make_method(stored.method)->derive(stored.theta, stored.space);
    genotype.name = as_utf8(fs::path(a.derive).stem().string());
    epoch = stored.epoch;
  }
  nlohmann::ordered_json json = to_json(genotype);
  json["provenance"] = {{"derived_from", as_utf8(a.derive)}, {"epoch", epoch}};
  if (a.output.empty()) {
    std::cout << format_json(json) << std::flush;
  } else {
    write_file_atomically(a.output, format_json(json));
  }
  return 0;
}

int search_main(int argc, char** argv) {
  const StopSignals signals = stop_after_step();
  Arguments a;
  CLI::App app(
      "Searches for a convolutional cell by differentiable architecture search (DARTS).\n"
      "The result is a genotype in a new run directory.");
  declare(app, a);
  if (const auto status = parse(app, "darts_search", argc, argv)) {
    return *status;
  }
  if (print_reference<SearchConfig>(a)) {
    return 0;
  }
  if (a.list_operations) {
    print_operations();
    return 0;
  }
  if (!a.derive.empty()) {
    return print_derived(a);
  }
  std::optional<RunDirectory> directory = open_directory(a);
  const auto config = load_config<SearchConfig>(a, directory);
  if (a.dry_run) {
    dry_run(config, Log(), a.init_from);
    return 0;
  }
  const RunHooks hooks = make_hooks(signals);
  const auto run = directory ? SearchRun::resume(*std::move(directory), config, hooks)
                             : SearchRun::start(config, hooks, a.init_from);
  return run->run() == RunOutcome::finished ? 0 : signals.exit_status();
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main(
      {"darts_search",
       "start a new run with a lower search.batch_size or runtime.precision=bf16 (--init-from "
       "CHECKPOINT takes over what this one has learned), or resume this one on a device with more "
       "memory (--device)"},
      [&] { return search_main(argc, argv); });
}
