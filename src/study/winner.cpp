#include <darts/core/atomic_file.hpp>
#include <darts/core/child_process.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/json_text.hpp>
#include <darts/core/text.hpp>
#include <darts/parallel/rank_place.hpp>
#include <darts/study/winner.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <thread>

namespace darts {
namespace {

namespace fs = std::filesystem;

/// Ended before its end if it was told to stop.
bool wait(ChildProcess& process, const std::function<bool()>& should_stop,
          const std::string& output) {
  constexpr std::chrono::milliseconds pause(50);
  while (!process.poll()) {
    if (should_stop()) {
      process.signal(SIGTERM);
      process.wait();
      return false;
    }
    std::this_thread::sleep_for(pause);
  }
  if (!process.poll()->success()) {
    throw Error("the test of the winner failed; " + output + " says why");
  }
  return true;
}

/// The images lie where the study says: a training of another machine has had them elsewhere.
std::vector<std::string> test_arguments(const Study& study, const fs::path& run,
                                        const fs::path& report) {
  const DatasetOptions set = with_absolute_paths(study.training.data).set;
  std::vector<std::string> arguments{run.string(),
                                     "--device",
                                     study.training.runtime.device,
                                     "--on-error",
                                     set.on_error == OnError::skip ? "skip" : "fail",
                                     "--json",
                                     report.string()};
  if (set.root != DatasetOptions().root) {  // else the system's are taken
    arguments.insert(arguments.end(), {"--data-root", set.root.string()});
  }
  return arguments;
}

double tested_top1(const fs::path& file) {
  return within(file.string(), [&] {
    return json_field_as<double>(parse_json<nlohmann::json>(read_file(file)), "top1");
  });
}

/// Of candidates or trainings.
template <class Named>
void add_names(const std::vector<Named>& of, std::vector<std::string>& names) {
  std::ranges::transform(of, std::back_inserter(names), &Named::name);
}

/// Of all that are compared, sorted.
struct Compared {
  template <class Candidate>
  explicit Compared(const std::vector<Candidate>& of) {
    add_names(of, candidates);
    for (const Candidate& candidate : of) {
      add_names(candidate.trainings, trainings);
    }
    std::ranges::sort(candidates);
    std::ranges::sort(trainings);
  }

  std::vector<std::string> candidates;
  std::vector<std::string> trainings;
};

/// The best of them, of which nothing is tested yet.
WinnerTest chosen_of(const std::vector<RetrainedCandidate>& candidates) {
  const Compared all(candidates);
  const RetrainedCandidate& best = candidates.front();
  return {.candidate = best.name,
          .compared = all.candidates,
          .top1 = {},
          .trainings = all.trainings,
          .networks = std::ssize(best.trainings)};
}

}  // namespace

std::optional<WinnerTest> test_winner(const StudyResults& results, const Study& study,
                                      const StudyFolder& folder, const Log& log,
                                      const std::function<bool()>& should_stop) {
  WinnerTest winner = read_winner(folder.winner()).value_or(chosen_of(results.candidates));
  const auto best =
      std::ranges::find(results.candidates, winner.candidate, &RetrainedCandidate::name);
  if (best == results.candidates.end()) {
    throw Error(folder.winner().string() + ": there is no candidate " + winner.candidate);
  }
  write_winner(folder.winner(), winner);  // the choice stands before anything is known of it
  std::vector<std::string> trainings;
  add_names(best->trainings, trainings);
  std::ranges::sort(trainings);  // the study's file may list its seeds in another order by now
  for (std::size_t i = winner.top1.size(); i < trainings.size(); ++i) {
    const std::string& training = trainings[i];
    log.info(training + ": test of the winner on the test set");
    const fs::path report = folder.training(training) / "test.json";
    ChildProcess process(sibling_program("darts_eval"),
                         test_arguments(study, folder.training(training), report),
                         folder.output(training), one_rank_environment());
    if (!wait(process, should_stop, folder.output(training).string())) {
      return std::nullopt;
    }
    winner.top1.push_back(tested_top1(report));
    write_winner(folder.winner(), winner);
  }
  return winner;
}

void check_not_tested(const std::vector<Candidate>& candidates, const StudyFolder& folder) {
  const auto winner = read_winner(folder.winner());
  if (!winner) {
    return;
  }
  const Compared all(candidates);
  if (winner->compared != all.candidates ||
      (!winner->trainings.empty() && winner->trainings != all.trainings)) {
    throw Error(folder.winner().string() + ": the winner among " +
                std::to_string(winner->compared.size()) +
                " candidates has been tested already, or its test has begun; a study with others "
                "than these, or with "
                "other trainings of them, needs a new folder (--dir)");
  }
}

}  // namespace darts
