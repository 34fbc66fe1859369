#include <darts/core/atomic_file.hpp>
#include <darts/core/error.hpp>
#include <darts/core/processors.hpp>
#include <darts/core/text.hpp>
#include <darts/parallel/rank_place.hpp>
#include <darts/run/run_directory.hpp>
#include <darts/study/same_run.hpp>
#include <darts/study/study_runner.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>

namespace darts {
namespace {

namespace fs = std::filesystem;

std::uintmax_t size_or_zero(const fs::path& file) {
  std::error_code failure;
  const std::uintmax_t size = fs::file_size(file, failure);
  return failure ? 0 : size;
}

/// The last line "error: …" that a run has printed, or how it ended otherwise.
std::string reason_of(const fs::path& output, std::uintmax_t from, const ExitStatus& status) {
  constexpr std::string_view mark = "\nerror: ";
  const std::string text = "\n" + read_file(output).substr(static_cast<std::size_t>(from));
  const std::size_t error = text.rfind(mark);
  if (error != std::string::npos) {
    const std::size_t begin = error + mark.size();
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  return status.signal != 0 ? "ended by signal " + std::to_string(status.signal) +
                                  (status.signal == SIGKILL ? " (is memory out?)" : "")
                            : "ended with status " + std::to_string(status.code);
}

/// Threads of each of `jobs` runs at once, unless the study says how many.
template <class Config>
Config sharing_processors(Config config, std::int64_t jobs) {
  if (config.runtime.threads == 0 && jobs > 1) {
    config.runtime.threads = std::max<std::int64_t>(1, usable_processors() / jobs);
  }
  return config;
}

}  // namespace

StudyRunner::StudyRunner(const Study& study, const std::vector<Candidate>& candidates,
                         StudyFolder folder, StudyRunOptions options)
    : study_(study),
      candidates_(candidates),
      folder_(std::move(folder)),
      options_(std::move(options)) {
  for (const Candidate& candidate : candidates_) {
    if (candidate.search != nullptr) {
      jobs_.push_back({candidate.name, &candidate});
    }
    for (const PlannedTraining& training : candidate.trainings) {
      jobs_.push_back({training.name, &candidate, &training});
    }
  }
  prepare();
  if (!options_.only.empty()) {
    check_only();
  }
}

void StudyRunner::check_only() const {
  check_has_run(candidates_, options_.only);
  const auto job = std::ranges::find(jobs_, options_.only, &Job::name);
  if (const Job* const search = search_of(*job);
      search != nullptr && search->state != State::finished) {
    throw Error("--only " + options_.only + ": it waits for its search, " + search->name +
                ", which is not finished");
  }
}

void StudyRunner::prepare() {
  for (const char* folder :
       {"configs", "genotypes", "output", "outcomes", "searches", "trainings"}) {
    make_folders(folder_.path() / folder);
  }
  for (const Candidate& candidate : candidates_) {
    const fs::path file = folder_.genotype(candidate.name);
    std::error_code ignored;
    if (candidate.genotype && fs::exists(file, ignored) &&
        load_genotype(file.string()) != *candidate.genotype) {
      throw Error(file.string() + " is another genotype than the study's " + candidate.name +
                  "; take another folder (--dir) for a study that has changed");
    }
    if (candidate.genotype) {
      write_file_atomically(file, format_json(to_json(*candidate.genotype)));
    }
  }
  for (const Job& job : jobs_) {
    check_same_study(job);
  }
  write_configs();
  for (Job& job : jobs_) {
    job.state = is_finished(folder_.outcome(job.name)) ? State::finished : State::waiting;
  }
}

/// Throws Error where the job's run was begun by another study's settings.
void StudyRunner::check_same_study(const Job& job) const {
  const fs::path folder = directory(job);
  if (job.training != nullptr) {
    check_same_run(folder, training_config(study_, *job.training));
  } else {
    check_same_run(folder, search_config(*job.candidate));
  }
}

void StudyRunner::write_configs() const {
  for (const Job& job : jobs_) {
    const std::string yaml =
        job.training != nullptr
            ? to_yaml(sharing_processors(training_config(study_, *job.training), options_.jobs))
            : to_yaml(sharing_processors(search_config(*job.candidate), options_.jobs));
    write_file_atomically(folder_.config(job.name), yaml);
  }
}

fs::path StudyRunner::directory(const Job& job) const {
  return job.training != nullptr ? folder_.training(job.name) : folder_.search(job.name);
}

/// Of a training's genotype; null: there is none, or the job is one.
const StudyRunner::Job* StudyRunner::search_of(const Job& job) const {
  if (job.training == nullptr || job.candidate->search == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(
      jobs_, [&](const Job& other) { return other.name == job.candidate->name; });
  return &*found;
}

bool StudyRunner::ready(Job& job) {
  if (job.state != State::waiting || (!options_.only.empty() && job.name != options_.only)) {
    return false;
  }
  const Job* const search = search_of(job);
  if (search != nullptr && search->state != State::finished) {
    return false;
  }
  std::error_code ignored;
  if (job.training != nullptr && !fs::exists(genotype_file(*job.candidate, folder_), ignored)) {
    fail(job, "the search " + job.candidate->name + " has found no genotype");
    return false;
  }
  return true;
}

/// Whether a process of an earlier start, which was killed, still saves what this job's run has. It
/// is waited for, but not for ever.
bool StudyRunner::in_other_hands(const Job& job) {
  constexpr std::chrono::minutes patience(2);
  return is_in_use(directory(job)) && std::chrono::steady_clock::now() - began_ < patience;
}

StudyRunner::Job* StudyRunner::next_job() {
  held_up_ = false;
  for (Job& job : jobs_) {
    if (!ready(job)) {
      continue;
    }
    if (!in_other_hands(job)) {
      return &job;
    }
    held_up_ = true;
  }
  return nullptr;
}

void StudyRunner::launch(Job& job) {
  std::vector<std::string> arguments{"--config", folder_.config(job.name).string(), "--run-dir",
                                     directory(job).string()};
  if (job.training != nullptr) {
    arguments.insert(arguments.end(),
                     {"--genotype", genotype_file(*job.candidate, folder_).string()});
  }
  const fs::path output = folder_.output(job.name);
  const std::uintmax_t begins = size_or_zero(output);
  running_.push_back(
      {&job,
       ChildProcess(sibling_program(job.training != nullptr ? "darts_train" : "darts_search"),
                    arguments, output, one_rank_environment()),
       begins});
  job.state = State::running;
  options_.log.info(job.name + ": " + (job.training != nullptr ? "training" : "search") + " (" +
                    progress() + ")");
}

std::int64_t StudyRunner::count(State state) const {
  return std::ranges::count(jobs_, state, &Job::state);
}

std::string StudyRunner::progress() const {
  return std::to_string(count(State::finished)) + " of " + std::to_string(jobs_.size()) +
         " runs are finished";
}

void StudyRunner::fail(Job& job, const std::string& reason) {
  job.state = State::failed;
  write_outcome(folder_.outcome(job.name), {false, reason});
  failures_.push_back(job.name + ": " + reason);
  options_.log.warn(job.name + " failed: " + reason);
}

void StudyRunner::settle(Running& running, const ExitStatus& status) {
  Job& job = *running.job;
  if (status.success()) {
    write_outcome(folder_.outcome(job.name), {true});
    job.state = State::finished;
  } else if (options_.should_stop()) {
    job.state = State::waiting;  // it was told to, and has saved what it has
  } else {
    fail(job, reason_of(folder_.output(job.name), running.output_begins, status));
  }
}

void StudyRunner::stop_all() {
  for (const Running& running : running_) {
    running.process.signal(SIGTERM);
  }
  for (Running& running : running_) {
    settle(running, running.process.wait());
  }
  running_.clear();
}

void StudyRunner::run() {
  constexpr std::chrono::milliseconds pause(50);
  began_ = std::chrono::steady_clock::now();
  while (!options_.should_stop()) {
    while (std::ssize(running_) < options_.jobs) {
      Job* const job = next_job();
      if (job == nullptr) {
        break;
      }
      launch(*job);
    }
    if (running_.empty() && !held_up_) {
      return;
    }
    std::this_thread::sleep_for(pause);
    for (Running& running : running_) {
      if (const auto status = running.process.poll()) {
        settle(running, *status);
      }
    }
    std::erase_if(running_, [](const Running& r) { return r.job->state != State::running; });
  }
  stop_all();
}

bool StudyRunner::complete() const { return count(State::finished) == std::ssize(jobs_); }

}  // namespace darts
