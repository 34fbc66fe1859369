// darts_search: searches for a cell. Parses the command line, fills the config, runs, reports.

#include "rank_program.hpp"
#include "search_listings.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>
#include <darts/core/utf8.hpp>
#include <darts/search/derive_stored.hpp>
#include <darts/search/dry_run.hpp>
#include <darts/search/methods/random_search.hpp>
#include <darts/search/search_run.hpp>

#include <nlohmann/json.hpp>

#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

struct Arguments : RecipeArguments {
  std::string derive;
  std::int64_t epoch = -1;
  std::string output;
  bool list_operations = false;
  std::string select;
  std::string from;
  bool list_methods = false;
  std::string method;
  std::int64_t count = 0;
};

void declare(CLI::App& app, Arguments& a) {
  a.config = "fashion_mnist.yaml";
  const auto [config, resume] = declare_recipe(
      app, a, "start a new run from the weights and alphas of this checkpoint",
      "no search: print the config, the supernet's size, and estimates of time and memory");
  app.add_option("--method", a.method,
                 "the search method (search.method) alone, as --list-methods names it; with its "
                 "authors' settings: the recipe of its name, such as --config pc_darts")
      ->type_name("NAME");
  auto* count =
      add_number(app, "--count", a.count,
                 "with --method random: no run; print so many genotypes, of this seed and those "
                 "that follow it, in the field's notation",
                 between(1, 1'000'000))
          ->excludes(resume)
          ->excludes(app.get_option("--run-dir"))
          ->excludes(app.get_option("--init-from"))
          ->excludes(app.get_option("--dry-run"));
  auto* derive =
      app.add_option("--derive", a.derive,
                     "no search: print the genotype of a run directory's alphas, or a checkpoint's")
          ->type_name("RUN_DIR|CHECKPOINT")
          ->excludes(resume)
          ->excludes(config)
          ->excludes(count)
          ->excludes(app.get_option("--run-dir"))
          ->excludes(app.get_option("--init-from"))
          ->excludes(app.get_option("--data-root"))
          ->excludes(app.get_option("--device"))
          ->excludes(app.get_option("--seed"))
          ->excludes(app.get_option("--dry-run"));
  add_number(app, "--epoch", a.epoch, "with --derive RUN_DIR: after this epoch (default: the last)",
             at_least(0))
      ->needs(derive);
  app.add_option("-o,--output", a.output,
                 "with --derive: write the genotype to this file; with --count: a file for each "
                 "into this folder");
  auto* select =
      app.add_option("--select", a.select,
                     "a genotype from the supernet of a finished run, by \"perturbation\": "
                     "in a new run that tunes it between the decisions")
          ->type_name("HOW")
          ->check(CLI::IsMember({"perturbation"}))
          ->excludes(resume)
          ->excludes(config)
          ->excludes(app.get_option("--run-dir"))
          ->excludes(app.get_option("--init-from"))
          ->excludes(app.get_option("--method"))
          ->excludes(count)
          ->excludes(derive);
  auto* from = app.add_option("--from", a.from, "with --select: the run directory")
                   ->type_name("RUN_DIR")
                   ->needs(select);
  select->needs(from);
  declare_processes(app, a.processes)->excludes(derive)->excludes(count);
  app.add_flag("--list-operations", a.list_operations,
               "no search: print the operations that space.primitives may name, and their kinds");
  app.add_flag("--list-methods", a.list_methods,
               "no search: print the methods that search.method may name, with paper, published "
               "test error on CIFAR-10 and cost of a search in GPU days");
}

void check_has_alphas(const fs::path& run) {
  if (program_of_run(run) == "darts_train") {
    throw Error(run.string() +
                " is a run of darts_train, which has no alphas to derive from; what it trains is "
                "its genotype.json");
  }
}

void set_method(const Arguments& a, FieldTable& table) {
  if (!a.method.empty()) {
    table.set("search.method", a.method, "--method " + a.method);
  }
}

/// A genotype, and after which epoch it is.
struct Derived {
  Genotype genotype;
  std::int64_t epoch = 0;
};

Genotype derive(const SearchMethod& method, const Theta& theta, const SearchSpace& space,
                const std::string& source) {
  return within(source, [&] { return derive_stored(method, theta, space); });
}

Derived derive_from_run(const Arguments& a) {
  check_has_alphas(a.derive);
  check_is_run_directory(a.derive);
  const RecordedTheta recorded = read_theta(fs::path(a.derive) / "alphas.jsonl", a.epoch);
  const auto config =
      load_config<SearchConfig>(fs::path(a.derive) / "config.yaml", [&a](FieldTable& table) {
        apply(a, table);
        set_method(a, table);
      });
  SearchSpace space = search_space(config);
  space.primitives = recorded.primitives;
  Derived derived{derive(*search_method(config), recorded.theta, space, a.derive), recorded.epoch};
  derived.genotype.name = config.name;
  return derived;
}

Derived derive_from_checkpoint(const Arguments& a) {
  if (a.epoch >= 0) {
    throw Error("--epoch goes with a run directory; a checkpoint holds the alphas of one moment");
  }
  if (!a.settings.empty() || !a.method.empty()) {
    throw Error(std::string(a.method.empty() ? "--set" : "--method") +
                " goes with a run directory; a checkpoint says itself how to derive");
  }
  const StoredTheta stored = theta_of(load_checkpoint(a.derive));
  Derived derived{derive(*stored.method, stored.theta, stored.space, a.derive), stored.epoch};
  derived.genotype.name = as_utf8(a.name.empty() ? fs::path(a.derive).stem().string() : a.name);
  return derived;
}

int print_derived(const Arguments& a) {
  const auto [genotype, epoch] =
      fs::is_directory(a.derive) ? derive_from_run(a) : derive_from_checkpoint(a);
  nlohmann::ordered_json json = to_json(genotype);
  json["provenance"] = {{"derived_from", as_utf8(a.derive)}, {"epoch", epoch}};
  if (a.output.empty()) {
    std::cout << format_json(json) << std::flush;
  } else {
    write_file_atomically(a.output, format_json(json));
  }
  return 0;
}

/// Draws a.count genotypes, one a seed: each is what a run with that seed ends in.
int print_drawn(const Arguments& a, const SearchConfig& config) {
  if (config.search.method != "random") {
    throw Error("--count goes with --method random; this is " + config.search.method);
  }
  const SearchSpace space = search_space(config);
  for (std::int64_t i = 0; i < a.count; ++i) {
    const std::uint64_t seed = config.seed + static_cast<std::uint64_t>(i);
    Genotype genotype = draw_genotype(space, seed);
    genotype.name = config.name + "_" + std::to_string(seed);
    if (a.output.empty()) {
      std::cout << genotype.name << " = " << to_notation(genotype) << "\n" << std::flush;
      continue;
    }
    nlohmann::ordered_json json = to_json(genotype);
    json["provenance"] = {{"drawn", "random"}, {"seed", seed}};
    fs::create_directories(a.output);
    write_file_atomically(fs::path(a.output) / (genotype.name + ".json"), format_json(json));
  }
  return 0;
}

/// The config of a run that selects from the supernet of another: its own, with a tenth of the
/// learning rate (Wang et al. 2021), unless that one selects already.
SearchConfig selection_config(const Arguments& a) {
  check_is_run_directory(a.from);
  constexpr double share = 0.1;
  return load_config<SearchConfig>(fs::path(a.from) / "config.yaml", [&a](FieldTable& table) {
    SearchConfig run;
    fields(run).load(fs::path(a.from) / "config.yaml");
    if (run.selection.by == Selection::none) {
      const double rate = share * run.w.learning_rate;
      table.set("selection.by", "perturbation");
      table.set("name", run.name + "-perturbation");
      table.set("w.learning_rate", format_shortest(rate));
      if (run.w.learning_rate_min > rate) {  // a cosine that rises is no schedule
        table.set("w.learning_rate_min", format_shortest(rate));
      }
    }
    apply(a, table);
  });
}

/// What is selected from, which stays locked meanwhile; nothing on ranks but the first one.
struct SelectionSource {
  std::optional<RunDirectory> directory;
  fs::path checkpoint;
};

SelectionSource open_source(const Arguments& a, const Ranks& ranks) {
  if (!ranks.is_first()) {
    return {std::nullopt, a.from};
  }
  SelectionSource source{RunDirectory::open(a.from), {}};
  const auto checkpoint = source.directory->latest_checkpoint();
  if (!checkpoint) {
    throw Error(a.from + ": there is no checkpoint whose supernet could be selected from");
  }
  source.checkpoint = *checkpoint;
  return source;
}

int run_selection(const Arguments& a, const CommandLine& line, const StopSignals& signals) {
  if (a.dry_run) {
    const SelectionSource source = open_source(a, *single_rank());
    dry_run(selection_config(a), Log());
    return 0;
  }
  const SearchConfig config = selection_config(a);
  if (const auto status = launch_ranks(a.processes, line, signals)) {
    return *status;
  }
  return on_ranks(config.parallel, [&](const std::shared_ptr<Ranks>& ranks) {
    const SelectionSource source = open_source(a, *ranks);
    const auto run = SearchRun::start(config, make_hooks(signals, ranks), source.checkpoint);
    return exit_status(run->run(), signals);
  });
}

int run_search(const Arguments& a, const SearchConfig& config,
               std::optional<RunDirectory> directory, const StopSignals& signals) {
  return on_ranks(config.parallel, [&](const std::shared_ptr<Ranks>& ranks) {
    if (!ranks->alone()) {
      directory = open_directory(a, *ranks);
    }
    const RunHooks hooks = make_hooks(signals, ranks);
    const auto run = directory ? SearchRun::resume(*std::move(directory), config, hooks)
                               : SearchRun::start(config, hooks, a.init_from);
    return exit_status(run->run(), signals);
  });
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
  if (a.list_methods) {
    print_methods();
    return 0;
  }
  if (!a.derive.empty()) {
    return print_derived(a);
  }
  if (!a.output.empty() && a.count == 0) {
    throw Error("-o goes with --derive and --count; a run's folder is --run-dir or run.root");
  }
  if (!a.select.empty()) {
    return run_selection(a, {argc, argv}, signals);
  }
  // Several ranks open it together, once they know the time-outs of its config.
  std::optional<RunDirectory> directory = works_alone(a) ? open_directory(a) : std::nullopt;
  const auto config =
      load_config<SearchConfig>(a, [&a](FieldTable& table) { set_method(a, table); });
  if (a.count > 0) {
    return print_drawn(a, config);
  }
  if (a.dry_run) {
    dry_run(config, Log(), a.init_from);
    return 0;
  }
  if (const auto status = launch_ranks(a.processes, {argc, argv}, signals)) {
    return *status;
  }
  return run_search(a, config, std::move(directory), signals);
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
