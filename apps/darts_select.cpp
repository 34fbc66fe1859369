// darts_select: compares search methods by a study. Parses the command line, does the runs, writes
// the tables.

#include "run_program.hpp"

#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>
#include <darts/study/estimate.hpp>
#include <darts/study/merge.hpp>
#include <darts/study/study_runner.hpp>
#include <darts/study/winner.hpp>

#include <charconv>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

struct Arguments {
  std::string config;
  std::string dir;
  std::string data_root;
  std::int64_t jobs = 1;
  std::string shard;
  std::vector<std::string> merge;
  std::string only;
  bool dry_run = false;
  bool help_study = false;
};

void declare(CLI::App& app, Arguments& a) {
  declare_version(app);
  app.add_option("--config", a.config, "the study: a YAML file (see --help-study)")
      ->type_name("STUDY.yaml");
  app.add_option("--dir", a.dir,
                 "folder of the study, begun or gone on with (default: runs/ and its name)");
  app.add_option("--data-root", a.data_root, "folder of the data sets, for all runs (data.root)");
  add_number(app, "--jobs", a.jobs, "runs at once; they share the processors", between(1, 1024));
  auto* shard = app.add_option("--shard", a.shard,
                               "do part I of N alone, on one of N machines; --merge puts the parts "
                               "together")
                    ->type_name("I/N");
  app.add_option("--merge", a.merge,
                 "take the finished runs out of these folders of parts, then go on")
      ->type_name("DIR…")
      ->excludes(shard);
  app.add_option("--only", a.only, "do this run alone, such as one that failed")->type_name("RUN");
  app.add_flag("--dry-run", a.dry_run,
               "list the runs, and estimate time and disk from a step of each kind; run nothing");
  app.add_flag("--help-study", a.help_study, "print what a study's file holds and stop");
}

/// "2/3".
std::vector<Candidate> part_of(std::vector<Candidate> candidates, const std::string& text) {
  std::int64_t number = 0;
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, number);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end) {
    throw Error("--shard " + text + ": write I/N, such as 1/4");
  }
  return shard(std::move(candidates), number, count);
}

/// The study with the data where the command line says it is.
Study load(const Arguments& a) {
  Study study = load_study(a.config);
  if (!a.data_root.empty()) {
    study.training.data.set.root = a.data_root;
    for (StudySearch& search : study.searches) {
      search.config.data.set.root = a.data_root;
    }
  }
  return study;
}

void say_what_is_left(const StudyRunner& runner, const StudyResults& results, const Arguments& a,
                      const Log& log) {
  if (!runner.failures().empty()) {
    log.warn("runs that failed (--only RUN repeats one, the same command all):");
    for (const std::string& failure : runner.failures()) {
      log.warn("  " + failure);
    }
  }
  if (runner.complete() && !a.shard.empty()) {
    log.info("part " + a.shard + " is done; with the others: darts_select --config " +
             shell_quoted(a.config) + " --dir DIR --merge DIR…");
  } else if (!results.missing.empty()) {
    log.info("not done: " + join(results.missing));
  }
}

/// The exit status.
int run_study(const Arguments& a, const Study& study, const std::vector<Candidate>& candidates,
              const StudyFolder& folder, const StopSignals& signals) {
  Log log;
  const auto should_stop = [&signals] { return signals.pending().has_value(); };
  folder.make();
  const FileDescriptor lock = lock_folder(folder.path());
  log.add_file(folder.path() / "log.txt");
  if (a.shard.empty()) {
    check_not_tested(candidates, folder);
  }
  if (!a.merge.empty()) {
    merge(study, candidates, {a.merge.begin(), a.merge.end()}, folder, log);
  }
  StudyRunner runner(study, candidates, folder, {a.jobs, a.only, log, should_stop});
  runner.run();
  StudyResults results = collect(study, candidates, folder);
  const bool all = a.shard.empty() && a.only.empty() && results.missing.empty();
  write_tables(results, folder);
  if (all && !results.winner && !should_stop()) {
    results.winner = test_winner(results, study, folder, log, should_stop);
    write_tables(results, folder);
  }
  if (!results.candidates.empty()) {
    log.info("\n" + to_markdown(results));
  }
  say_what_is_left(runner, results, a, log);
  log.info("study: " + folder.path().string() + " (results.md, .json, .csv)");
  if (should_stop()) {
    log.info("stopped; the same command goes on");
    return signals.exit_status();
  }
  return runner.failures().empty() ? 0 : 1;
}

int select_main(int argc, char** argv) {
  const StopSignals signals([](int) {
    std::cerr << "\nstopping: the runs at hand save what they have; once more to stop at once\n";
  });
  Arguments a;
  CLI::App app(
      "Compares search methods by a study: searches with several seeds, retrains what they find "
      "and random genotypes alike, ranks all by training images that nothing of it saw, and tests "
      "the best.\nThe same command goes on with a study that was stopped.");
  declare(app, a);
  if (const auto status = parse(app, "darts_select", argc, argv)) {
    return *status;
  }
  if (a.help_study) {
    std::cout << study_format() << std::flush;
    return 0;
  }
  if (a.config.empty()) {
    throw Error("say which study: --config STUDY.yaml (--help-study says what is in it)");
  }
  const Study study = load(a);
  std::vector<Candidate> candidates = candidates_of(study);
  if (!a.only.empty()) {
    check_has_run(candidates, a.only);  // before a folder is made for it
  }
  if (!a.shard.empty()) {
    candidates = part_of(std::move(candidates), a.shard);
  }
  for (const std::string& warning : study.warnings) {
    Log().warn(a.config + ": " + warning);
  }
  if (a.dry_run) {
    report(estimate(study, candidates), candidates, Log());
    return 0;
  }
  const StudyFolder folder(a.dir.empty() ? fs::path("runs") / study.name : fs::path(a.dir));
  return run_study(a, study, candidates, folder, signals);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main(
      {"darts_select", "lower the batch size or the sizes of the networks in the study"},
      [&] { return select_main(argc, argv); });
}
