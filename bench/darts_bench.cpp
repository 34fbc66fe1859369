// darts_bench: times search steps, passes of the supernet, and training and testing of the
// evaluation network, executed in each way. Every measurement is a process of its own, the
// executions in turns, so that a drift of the machine meets all of them and each has its own peak
// of memory. --profile says where the time goes, --scaling what the size changes.

#include "machine_peaks.hpp"
#include "operator_times.hpp"
#include "subjects.hpp"

#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

namespace {

using namespace darts;

struct Arguments {
  std::string program;
  std::vector<std::string> works;
  std::vector<std::string> executions;
  bool paper = false;
  std::optional<std::int64_t> channels;
  std::optional<std::int64_t> cells;
  std::optional<std::int64_t> batch;
  std::int64_t rounds = 3;
  std::int64_t steps = 2;
  int threads = 0;
  bool recompute = false;
  bool profile = false;
  bool scaling = false;
  std::vector<std::string> axes{"batch", "channels", "cells"};
  bool child = false;
};

NetworkSize size_of(const Arguments& a, const TimedNetwork& network) {
  const NetworkSize size = a.paper || a.scaling ? network.paper : network.small;
  return {a.channels.value_or(size.channels), a.cells.value_or(size.cells),
          a.batch.value_or(size.batch)};
}

std::string describe(const NetworkSize& size) {
  return std::to_string(size.channels) + " channels, " + std::to_string(size.cells) +
         " cells, batch " + std::to_string(size.batch);
}

// ---- One measurement ----

std::function<void()> prepare(const Work& work, const Arguments& a, const std::string& execution) {
  SubjectOptions options = subject_options(execution, size_of(a, *work.network));
  options.execution.recompute = a.recompute;
  auto timed = work.prepare(options);
  timed();  // prepares memory and algorithms
  return timed;
}

/// The child: prints a line with the seconds of every step, and the peak of memory in bytes.
int measure(const Arguments& a) {
  // Where a size is too large for the machine's memory, the kernel is to end this process.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  const auto timed = prepare(find_work(a.works.at(0)), a, a.executions.at(0));
  nlohmann::json result;
  for (std::int64_t i = 0; i < a.steps; ++i) {
    result["seconds"].push_back(best_seconds(timed, 1));
  }
  result["peak"] = peak_memory_bytes(at::kCPU);
  std::cout << result.dump() << std::endl;
  return 0;
}

/// Nothing if there is too little memory for it.
std::optional<nlohmann::json> run_child(const Arguments& a, const std::string& work,
                                        const std::string& execution, const NetworkSize& size) {
  const std::string command =
      shell_quoted(a.program) + " --child --work " + work + " --execution " + execution +
      " --channels " + std::to_string(size.channels) + " --cells " + std::to_string(size.cells) +
      " --batch " + std::to_string(size.batch) + " --steps " + std::to_string(a.steps) +
      " --threads " + std::to_string(a.threads) + (a.recompute ? " --recompute" : "");
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  for (char part[256]; pipe != nullptr && fgets(part, sizeof part, pipe.get()) != nullptr;) {
    text += part;
  }
  const int status = pipe == nullptr ? -1 : pclose(pipe.release());
  if (status == 0) {
    return nlohmann::json::parse(text);
  }
  constexpr int killed = 128 + SIGKILL;  // as the shell tells it
  if ((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
      (WIFEXITED(status) && WEXITSTATUS(status) == killed)) {
    return std::nullopt;
  }
  throw Error("the measurement of " + work + ", " + execution + " failed: " + command);
}

// ---- Executions in turns ----

struct Figures {
  std::vector<double> seconds;
  double peak = 0.0;
  bool failed = false;

  double median() {
    const auto middle = seconds.begin() + std::ssize(seconds) / 2;
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
  }

  void add(const std::optional<nlohmann::json>& result) {
    failed = !result.has_value();
    if (result) {
      const auto more = result->at("seconds").get<std::vector<double>>();
      seconds.insert(seconds.end(), more.begin(), more.end());
      peak = std::max(peak, result->at("peak").get<double>());
    }
  }
};

/// In the order of the executions asked for.
std::vector<Figures> take_turns(const Arguments& a, const std::string& work,
                                const NetworkSize& size) {
  std::vector<Figures> figures(a.executions.size());
  for (std::int64_t round = 0; round < a.rounds; ++round) {
    for (std::size_t i = 0; i < figures.size(); ++i) {
      if (!figures[i].failed) {
        figures[i].add(run_child(a, work, a.executions[i], size));
      }
    }
  }
  return figures;
}

std::string aligned_right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, columns(text)), ' ') + text;
}

std::string aligned_left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, columns(text)), ' ');
}

constexpr std::size_t label_width = 13;
constexpr std::size_t time_width = 11;
constexpr std::size_t rate_width = 10;
constexpr std::size_t peak_width = 11;
constexpr std::size_t ratio_width = 8;

std::string format_step(double seconds) {
  return seconds < 1.0 ? format_fixed(1e3 * seconds, 1) + " ms" : format_fixed(seconds, 3) + " s";
}

void print_head(const Arguments& a, const std::string& what) {
  std::string first = aligned_left("", label_width);
  std::string second = aligned_left(what, label_width);
  for (std::size_t i = 0; i < a.executions.size(); ++i) {
    const std::size_t ratio = i > 0 ? ratio_width : 0;
    first += aligned_right(a.executions[i], time_width + rate_width + peak_width + ratio);
    second += aligned_right("time", time_width) + aligned_right("images/s", rate_width) +
              aligned_right("peak", peak_width) + aligned_right(i > 0 ? "ratio" : "", ratio);
  }
  std::cout << first << '\n' << second << std::endl;
}

/// Returns whether there were figures of all.
bool print_row(const std::string& label, std::vector<Figures> figures, std::int64_t batch) {
  std::cout << aligned_left(label, label_width);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    Figures& f = figures[i];
    const std::size_t ratio = i > 0 ? ratio_width : 0;
    if (f.failed) {
      std::cout << aligned_right("no result", time_width + rate_width + peak_width + ratio);
      continue;
    }
    std::cout << aligned_right(format_step(f.median()), time_width)
              << aligned_right(format_fixed(static_cast<double>(batch) / f.median(), 1), rate_width)
              << aligned_right(format_fixed(f.peak / 1e9, 2) + " GB", peak_width);
    if (i > 0) {
      const bool known = !figures[0].failed;
      std::cout << aligned_right(known ? format_fixed(figures[0].median() / f.median(), 2) : "",
                                 ratio);
    }
  }
  std::cout << std::endl;
  return std::ranges::none_of(figures, &Figures::failed);
}

int exit_status(bool complete) {
  if (!complete) {
    throw Error("a measurement was killed, as happens where there is too little memory");
  }
  return 0;
}

int compare(const Arguments& a) {
  print_head(a, "");
  bool complete = true;
  for (const std::string& name : a.works) {
    const NetworkSize size = size_of(a, *find_work(name).network);
    complete = print_row(name, take_turns(a, name, size), size.batch) && complete;
  }
  return exit_status(complete);
}

// ---- What the size changes ----

struct Axis {
  std::string_view name;
  std::int64_t NetworkSize::*field;
  std::vector<std::int64_t> values;
};

std::vector<Axis> all_axes() {
  return {{"batch", &NetworkSize::batch, {16, 64, 128, 256}},
          {"channels", &NetworkSize::channels, {8, 16, 32, 36}},
          {"cells", &NetworkSize::cells, {4, 8, 14, 20}}};
}

int scale(const Arguments& a) {
  bool complete = true;
  for (const std::string& work : a.works) {
    for (const Axis& axis : all_axes()) {
      if (std::ranges::find(a.axes, axis.name) == a.axes.end()) {
        continue;
      }
      NetworkSize size = size_of(a, *find_work(work).network);
      std::cout << '\n' << work << ", from " << describe(size) << '\n';
      print_head(a, std::string(axis.name));
      for (const std::int64_t value : axis.values) {
        size.*axis.field = value;
        complete =
            print_row(std::to_string(value), take_turns(a, work, size), size.batch) && complete;
      }
    }
  }
  return exit_status(complete);
}

// ---- Where the time goes ----

int profile_all(const Arguments& a) {
  constexpr std::size_t most_lines = 14;
  const MachinePeaks peaks = measure_peaks();
  std::cout << "peaks: " << format_fixed(peaks.flops / 1e9, 1) << " GFLOP/s in matrix products, "
            << format_fixed(peaks.bytes / 1e9, 1) << " GB/s copying\n";
  for (const std::string& work : a.works) {
    for (const std::string& execution : a.executions) {
      const Profile result = profile(prepare(find_work(work), a, execution), a.steps);
      const double seconds = result.seconds / static_cast<double>(result.repetitions);
      std::cout << '\n'
                << work << ", " << execution << ": " << format_step(seconds) << " while watched\n"
                << describe(result, peaks, most_lines) << std::flush;
    }
  }
  return 0;
}

// ---- Arguments ----

std::string works_help() {
  std::string help = "what is timed:";
  for (const Work& work : works()) {
    help += " " + std::string(work.name) + " (" + std::string(work.help) + ")";
  }
  return help;
}

void declare(CLI::App& app, Arguments& a) {
  constexpr int most = 10000;
  app.add_option("--work", a.works, works_help());
  app.add_option("--execution", a.executions,
                 "values of runtime.execution, \"+bf16\" behind them for that runtime.precision, "
                 "\"+nchw\" for the original's layout of images; taken in turns, ratios are to the "
                 "first");
  app.add_flag("--paper", a.paper, "the paper's sizes; else small ones");
  app.add_option("--channels", a.channels, "of the first cells, in place of the size's");
  app.add_option("--cells", a.cells, "in place of the size's");
  app.add_option("--batch", a.batch, "images, in place of the size's");
  app.add_option("--rounds", a.rounds, "turns of each")->check(CLI::Range(1, most));
  app.add_option("--steps", a.steps, "timed steps in a turn, after one that is not")
      ->check(CLI::Range(1, most));
  app.add_option("--threads", a.threads, "0: all cores")->check(CLI::Range(0, most));
  app.add_flag("--recompute", a.recompute, "with the fused execution's recomputation");
  auto* const profile = app.add_flag(
      "--profile", a.profile,
      "say where the time goes instead: by operator, against the machine's peaks; of the fused "
      "execution unless --execution says otherwise");
  auto* const scaling =
      app.add_flag("--scaling", a.scaling,
                   "batch, channels and cells one after the other varied from the paper's size; "
                   "of a first-order step unless --work says otherwise")
          ->excludes(profile);
  app.add_option("--axis", a.axes, "with --scaling: only these")
      ->check(CLI::IsMember({"batch", "channels", "cells"}))
      ->needs(scaling);
  app.add_flag("--child", a.child)->group("");
}

/// What depends on other arguments, and what is wrong before anything has been timed.
void complete(Arguments& a) {
  if (a.works.empty()) {
    a.works = a.scaling ? std::vector<std::string>{"first"}
                        : std::vector<std::string>{"first", "second",     "forward", "alpha",
                                                   "w",     "evaluation", "test"};
  }
  if (a.executions.empty()) {
    a.executions =
        a.profile ? std::vector<std::string>{"fused"} : std::vector<std::string>{"plain", "fused"};
  }
  std::ranges::for_each(a.works, find_work);
  for (const std::string& execution : a.executions) {
    subject_options(execution, {});
  }
}

void print_setting(const Arguments& a) {
  for (const TimedNetwork& network : timed_networks()) {
    const auto is_its = [&](const std::string& work) {
      return find_work(work).network == &network;
    };
    if (!a.scaling && std::ranges::any_of(a.works, is_its)) {
      std::cout << network.name << ": " << describe(size_of(a, network)) << '\n';
    }
  }
  std::cout << at::get_num_threads() << " threads; ";
  if (a.profile) {
    std::cout << "means of " << a.steps << " steps\n";
  } else {
    std::cout << "medians of " << a.rounds * a.steps
              << " steps, taken in turns; peaks of a whole process"
              << (a.executions.size() > 1 ? "; ratio: time of " + a.executions[0] + " / time" : "")
              << '\n';
  }
}

int bench_main(int argc, char** argv) {
  Arguments a;
  a.program = argv[0];
  CLI::App app("Times steps and passes of the networks, executed in each way in turns.");
  declare(app, a);
  CLI11_PARSE(app, argc, argv);
  complete(a);
  use_huge_page_memory();
  set_threads(a.threads);
  if (a.child) {
    return measure(a);
  }
  print_setting(a);
  return a.profile ? profile_all(a) : a.scaling ? scale(a) : compare(a);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("darts_bench", [&] { return bench_main(argc, argv); });
}
