#pragma once

#include <darts/core/child_process.hpp>
#include <darts/core/log.hpp>
#include <darts/study/outcome.hpp>
#include <darts/study/plan.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace darts {

struct StudyRunOptions {
  std::int64_t jobs = 1;  ///< runs at once; the processors are divided among them
  std::string only;       ///< the one run to do, failed or not; empty: all that are to do
  Log log = Log::silent();
  std::function<bool()> should_stop = [] { return false; };
};

/// Does the runs of a study, each in a process of its own (darts_search, darts_train), and goes on
/// where an earlier start was stopped or killed: a run is begun, gone on with from its checkpoint,
/// or left as it is, as its folder says. One that failed is tried again; the others do not wait.
class StudyRunner {
 public:
  /// Writes what the runs are started with. Throws Error where the folder is another study's.
  StudyRunner(const Study& study, const std::vector<Candidate>& candidates, StudyFolder folder,
              StudyRunOptions options);

  /// Returns when all is done that can be, or once options.should_stop() says so and the runs at
  /// hand have saved what they have.
  void run();

  /// The runs that failed in this call of run(), and why: a line each.
  const std::vector<std::string>& failures() const { return failures_; }
  /// Whether every run is finished.
  bool complete() const;

 private:
  enum class State { waiting, running, finished, failed };

  struct Job {
    std::string name;
    const Candidate* candidate = nullptr;
    const PlannedTraining* training = nullptr;  ///< null: the candidate's search
    State state = State::waiting;
  };

  struct Running {
    Job* job = nullptr;
    ChildProcess process;
    std::uintmax_t output_begins = 0;  ///< bytes of the output file that earlier starts wrote
  };

  void prepare();
  void check_only() const;
  void check_same_study(const Job& job) const;
  void write_configs() const;
  bool ready(Job& job);
  Job* next_job();
  bool in_other_hands(const Job& job);
  void launch(Job& job);
  void settle(Running& running, const ExitStatus& status);
  void fail(Job& job, const std::string& reason);
  void stop_all();
  std::string progress() const;
  std::int64_t count(State state) const;
  const Job* search_of(const Job& job) const;
  std::filesystem::path directory(const Job& job) const;

  const Study& study_;
  const std::vector<Candidate>& candidates_;
  StudyFolder folder_;
  StudyRunOptions options_;
  std::vector<Job> jobs_;
  std::vector<Running> running_;
  std::vector<std::string> failures_;
  bool held_up_ = false;  ///< a job that could be launched is in other hands
  std::chrono::steady_clock::time_point began_ = {};
};

}  // namespace darts
