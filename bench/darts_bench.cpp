// darts_bench: times search steps, passes of the supernet, and training and testing of the
// evaluation network, executed in each way, on a CPU or a GPU. Every measurement is a process of
// its own, the executions in turns. --profile says where a CPU's time goes, --scaling what the size
// changes.

#include "child.hpp"
#include "machine_peaks.hpp"
#include "operator_times.hpp"
#include "table.hpp"
#include "turns.hpp"

#include <darts/core/device.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace darts;

std::string describe(const NetworkSize& size, const std::string& batches) {
  return std::to_string(size.channels) + " channels, " + std::to_string(size.cells) +
         " cells, batch " + batches;
}

/// How figures are taken, above their table.
void print_method(const Arguments& a, const std::optional<Ceilings>& ceilings) {
  if (ceilings) {
    std::cout << "ceilings: " << describe(*ceilings) << '\n';
  }
  const auto device = describe_environment(a.device).at("device");
  const int threads = at::get_num_threads() * std::max(a.processes, 1);
  std::cout << device.value("card", a.device.str()) << ", " << threads << " threads"
            << (a.processes > 0 ? " (of " + std::to_string(a.processes) + " ranks)" : "")
            << "; medians of " << a.rounds * a.steps << " steps, taken in turns";
  if (a.executions.size() > 1) {
    std::cout << "; ratio: time of " << a.executions[0] << " / time";
  }
  std::cout << "\npeak: "
            << (a.device.is_cpu() ? "resident memory of a whole process"
                                  : "of LibTorch's tensors, steps that are not timed included")
            << '\n';
  if (!a.device.is_cpu()) {
    std::cout << "of steps that are traced, after the timed ones: kernels that the GPU ran; "
                 "launches, calls of the host for kernels and whole graphs;\n"
                 "idle: 1 - time with a kernel or copy running / time of a timed step\n"
                 "x bound: time / time of the convolutions' and linear layers' arithmetic at the "
                 "ceiling of products\n";
  }
}

void print_sizes(const Arguments& a) {
  for (const TimedNetwork& network : timed_networks()) {
    const auto is_its = [&](const std::string& work) {
      return find_work(work).network == &network;
    };
    if (std::ranges::any_of(a.works, is_its)) {
      std::string batches;
      const std::vector<NetworkSize> sizes = sizes_of(a, network);
      for (const NetworkSize& size : sizes) {
        batches += (batches.empty() ? "" : ", ") + std::to_string(size.batch);
      }
      std::cout << network.name << ": " << describe(sizes[0], batches) << '\n';
    }
  }
}

int compare(const Arguments& a) {
  print_sizes(a);
  Turns turns(a);
  print_method(a, turns.ceilings());
  const auto label_of = [&a](const std::string& work, const NetworkSize& size) {
    return a.batches.size() > 1 ? work + " " + std::to_string(size.batch) : work;
  };
  std::vector<std::string> labels;
  for (const std::string& work : a.works) {
    for (const NetworkSize& size : sizes_of(a, *find_work(work).network)) {
      labels.push_back(label_of(work, size));
    }
  }
  Table table(std::cout, {!a.device.is_cpu(), a.processes > 0}, labels, a.executions);
  table.print_head("");
  for (const std::string& work : a.works) {
    for (const NetworkSize& size : sizes_of(a, *find_work(work).network)) {
      turns.take(work, size, [&](const Result& result, const Result& first) {
        table.print_row(label_of(work, size), result, first);
      });
    }
  }
  turns.check();
  return 0;
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
  Turns turns(a);
  print_method(a, turns.ceilings());
  Table table(std::cout, {!a.device.is_cpu(), false}, a.axes, a.executions);
  for (const std::string& work : a.works) {
    for (const Axis& axis : all_axes()) {
      if (std::ranges::find(a.axes, axis.name) == a.axes.end()) {
        continue;
      }
      NetworkSize size = sizes_of(a, *find_work(work).network).at(0);
      std::cout << '\n' << work << ", from " << describe(size, std::to_string(size.batch)) << '\n';
      table.print_head(std::string(axis.name));
      for (const std::int64_t value : axis.values) {
        size.*axis.field = value;
        turns.take(work, size, [&](const Result& result, const Result& first) {
          table.print_row(std::to_string(value), result, first);
        });
      }
    }
  }
  turns.check();
  return 0;
}

// ---- Where the time goes ----

int profile_all(const Arguments& a) {
  constexpr std::size_t most_lines = 14;
  print_sizes(a);
  std::cout << at::get_num_threads() << " threads; means of " << a.steps << " steps\n";
  const MachinePeaks peaks = measure_peaks();
  std::cout << "peaks: " << format_fixed(peaks.flops / 1e9, 1) << " GFLOP/s in matrix products, "
            << format_fixed(peaks.bytes / 1e9, 1) << " GB/s copying\n";
  for (const std::string& name : a.works) {
    const Work& work = find_work(name);
    const NetworkSize size = sizes_of(a, *work.network).at(0);
    for (const std::string& execution : a.executions) {
      const Profile result = profile(prepare(work, options_of(a, execution, size)), a.steps);
      const double seconds = result.seconds / static_cast<double>(result.repetitions);
      std::cout << '\n'
                << name << ", " << execution << ": " << format_step(seconds) << " while watched\n"
                << describe(result, peaks, most_lines) << std::flush;
    }
  }
  return 0;
}

int bench_main(int argc, char** argv) {
  Arguments a;
  a.program = argv[0];
  a.command_line.assign(argv + 1, argv + argc);
  CLI::App app("Times steps and passes of the networks, executed in each way in turns.");
  declare(app, a);
  CLI11_PARSE(app, argc, argv);
  complete(a);
  use_huge_page_memory();
  set_threads(a.threads);
  if (!a.child.empty()) {
    return run_child(a);
  }
  return a.profile ? profile_all(a) : a.scaling ? scale(a) : compare(a);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("darts_bench", [&] { return bench_main(argc, argv); });
}
