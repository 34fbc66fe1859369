// darts_train: trains the evaluation network of a genotype. Parses the command line, fills the
// config, runs, reports.

#include "run_program.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/train_dry_run.hpp>
#include <darts/eval/train_run.hpp>

#include <nlohmann/json.hpp>

namespace {

using namespace darts;
namespace fs = std::filesystem;

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
  app.add_option("--max-time", a.max_time, "stop after so many hours, saving all (train.max_hours)")
      ->type_name("HOURS");
}

TrainConfig load_train_config(const Arguments& a, const fs::path& file) {
  TrainConfig config;
  FieldTable table = fields(config);
  table.load(file, [&a](const std::string& name) { return find_resource(a.kind, name); });
  apply(a, table);
  if (!a.max_time.empty()) {
    table.set("train.max_hours", a.max_time, "--max-time " + a.max_time);
  }
  return config;
}

int run_training(TrainRun& run, const RunDirectory& directory, const RunHooks& hooks,
                 const StopSignals& signals) {
  const RunOutcome outcome = run.run();
  const TrainState& state = run.state();
  if (state.epoch > 0) {
    const TrainResult result = run.result();
    write_file_atomically(directory.path() / "result.json", to_json(result).dump(2) + "\n");
    hooks.log.info("\n" + describe(result));
  }
  if (outcome == RunOutcome::stopped) {
    if (run.out_of_time()) {
      hooks.log.info("the time given by train.max_hours is over");
    }
    report_stop("darts_train", state.epoch, state.step, directory, hooks.log);
  }
  hooks.log.info("run directory: " + directory.path().string());
  return outcome == RunOutcome::finished ? 0 : signals.exit_status();
}

RunDirectory make_directory(const TrainConfig& config) {
  return RunDirectory::create(config.run.root, config.name, std::chrono::system_clock::now());
}

/// config.yaml comes last: with it the directory is one that can be resumed.
void write_recipe(const TrainConfig& config, const Genotype& genotype,
                  const RunDirectory& directory) {
  write_file_atomically(directory.genotype(), format_json(to_json(genotype)));
  write_file_atomically(directory.config(), to_yaml(config));
}

int start(const Arguments& a, const TrainConfig& config, const Genotype& genotype,
          const StopSignals& signals) {
  const RunDirectory directory = make_directory(config);
  const auto [run, hooks] = make_or_discard(directory, [&] {
    RunHooks run_hooks = make_hooks(directory, signals);
    auto new_run = std::make_unique<TrainRun>(config, genotype, directory, run_hooks);
    if (!a.init_from.empty()) {
      new_run->initialize_from(load_checkpoint(a.init_from));
    }
    return std::pair(std::move(new_run), std::move(run_hooks));
  });
  hooks.log.info("run directory: " + directory.path().string());
  write_environment(run->device(), directory);
  if (a.init_from.empty()) {
    write_recipe(config, genotype, directory);
    run->begin();
  } else {  // resumable only once the given weights are saved in it
    run->begin();
    write_recipe(config, genotype, directory);
  }
  return run_training(*run, directory, hooks, signals);
}

int resume(const RunDirectory& directory, const TrainConfig& config, const Genotype& genotype,
           const StopSignals& signals) {
  const RunHooks hooks = make_hooks(directory, signals);
  TrainRun run(config, genotype, directory, hooks);
  run.resume();
  write_environment(run.device(), directory);
  hooks.log.info("run directory: " + directory.path().string());
  hooks.log.info("resuming in epoch " + std::to_string(run.state().epoch + 1) + " after step " +
                 std::to_string(run.state().step));
  return run_training(run, directory, hooks, signals);
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
  if (a.genotype.empty() && a.resume.empty()) {
    throw Error("say what to train: --genotype FILE, RUN_DIR or NAME (" +
                join(resource_names(ResourceKind::genotype)) + "), or go on with --resume RUN_DIR");
  }
  std::optional<RunDirectory> directory;
  if (!a.resume.empty()) {
    directory = RunDirectory::open(a.resume);
  }
  const Genotype genotype = load_genotype(directory ? directory->genotype().string() : a.genotype);
  const TrainConfig config = load_train_config(a, directory ? directory->config() : find_recipe(a));
  if (a.dry_run) {
    train_dry_run(config, genotype, Log());
    return 0;
  }
  return directory ? resume(*directory, config, genotype, signals)
                   : start(a, config, genotype, signals);
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
