// darts_train: trains the evaluation network of a genotype. Parses the command line, fills the
// config, runs, reports.

#include "rank_program.hpp"

#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/eval/train_run.hpp>

#include <nlohmann/json.hpp>

namespace {

using namespace darts;

struct Arguments : RecipeArguments {
  std::string genotype;
  std::string max_time;
};

void declare(CLI::App& app, Arguments& a) {
  a.kind = ResourceKind::train_config;
  a.config = "cifar10.yaml";
  const auto [config, resume] = declare_recipe(
      app, a,
      "fine-tune: start a new run from the weights of this checkpoint; its number of classes may "
      "differ",
      "no training: print the config, the network's size, and estimates of time and memory");
  app.add_option("--genotype", a.genotype,
                 "what to train: a genotype file (FILE:NAME where a text holds several), a run "
                 "directory, or a built-in name (DARTS_V2, NASNet, …)")
      ->type_name("FILE|RUN_DIR|NAME")
      ->excludes(resume);
  declare_processes(app, a.processes);
  app.add_option("--max-time", a.max_time,
                 "stop after so many hours, saving all (train.max_hours); the exit status is 0 "
                 "then as well, a finished training has a result.json")
      ->type_name("HOURS");
}

/// Throws Error where the run in `directory` trains another one.
void check_genotype(const RunDirectory& directory, const Genotype& genotype) {
  if (load_genotype(directory.path().string()) != genotype) {
    throw Error(
        "the run in " + directory.path().string() +
        " trains another genotype than --genotype; leave it out, or take another --run-dir");
  }
}

/// Of --genotype, or of the run that is gone on with.
Genotype genotype_to_train(const Arguments& a, const std::optional<RunDirectory>& directory) {
  if (a.genotype.empty() && !directory) {
    throw Error("say what to train: --genotype FILE, RUN_DIR or NAME (" +
                join(resource_names(ResourceKind::genotype)) + "), or go on with --resume RUN_DIR");
  }
  if (directory && !a.name.empty()) {
    Log().warn("--name has no effect beside --resume: the run keeps its folder");
  }
  Genotype genotype = load_genotype(a.genotype.empty() ? directory->path().string() : a.genotype);
  if (directory) {
    check_genotype(*directory, genotype);
  }
  return genotype;
}

/// What the first rank trains.
Genotype genotype_of_first(const Arguments& a, const std::optional<RunDirectory>& directory,
                           Ranks& ranks) {
  const std::string own =
      ranks.is_first() ? to_json(genotype_to_train(a, directory)).dump() : std::string();
  return genotype_from_json(ranks.of_first(own), "the genotype of rank 0");
}

int train_main(int argc, char** argv) {
  const StopSignals signals = stop_after_step();
  Arguments a;
  CLI::App app(
      "Trains the evaluation network of a genotype from scratch and tests it.\n"
      "The result is a new run directory with checkpoints and test figures.");
  declare(app, a);
  if (const auto status = parse(app, "darts_train", argc, argv)) {
    return *status;
  }
  if (print_reference<TrainConfig>(a)) {
    return 0;
  }
  // Several ranks open it together, once they know the time-outs of its config.
  const bool alone = works_alone(a);
  std::optional<RunDirectory> directory = alone ? open_directory(a) : std::nullopt;
  std::optional<Genotype> genotype =
      alone ? std::optional(genotype_to_train(a, directory)) : std::nullopt;
  const auto config = load_config<TrainConfig>(a, [&a](FieldTable& table) {
    if (!a.max_time.empty()) {
      table.set("train.max_hours", a.max_time, "--max-time " + a.max_time);
    }
  });
  if (a.dry_run) {
    train_dry_run(config, alone ? *genotype : genotype_to_train(a, open_directory(a)), Log(),
                  a.init_from);
    return 0;
  }
  if (const auto status = launch_ranks(a.processes, {argc, argv}, signals)) {
    return *status;
  }
  return on_ranks(config.parallel, [&](const std::shared_ptr<Ranks>& ranks) {
    if (!ranks->alone()) {
      directory = open_directory(a, *ranks);
      genotype = genotype_of_first(a, directory, *ranks);
    }
    const RunHooks hooks = make_hooks(signals, ranks);
    const auto run = directory ? TrainRun::resume(*std::move(directory), config, *genotype, hooks)
                               : TrainRun::start(config, *genotype, hooks, a.init_from);
    return exit_status(run->run(), signals);
  });
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main(
      {"darts_train",
       "start a new run with more train.parts, a lower train.batch_size or runtime.precision=bf16 "
       "(--init-from CHECKPOINT takes over what this one has learned), or resume this one on a "
       "device with more memory (--device)"},
      [&] { return train_main(argc, argv); });
}
