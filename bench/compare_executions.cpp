// compare_executions: the networks' plain and fused execution side by side. Every measurement is a
// process of its own, plain and fused in turns, so that a drift of the machine meets both and each
// has its own peak of memory. Prints medians and ratios.

#include <darts/core/device.hpp>
#include <darts/core/error.hpp>
#include <darts/core/huge_page_memory.hpp>
#include <darts/core/main.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/test_network.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/api/include/torch/autograd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>

namespace {

using namespace darts;

struct Arguments {
  std::vector<std::string> works{"first", "second", "forward", "alpha", "w"};
  std::vector<std::string> executions{"plain", "fused"};
  std::int64_t channels = 16;
  std::int64_t cells = 8;
  std::int64_t batch = 64;
  std::int64_t rounds = 3;
  std::int64_t steps = 2;
  int threads = 0;
  bool recompute = false;
  bool child = false;
};

Batch random_batch(std::int64_t images) {
  return {at::rand({images, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast),
          at::randint(10, {images}, at::kLong)};
}

Execution execution_of(const Arguments& a) {
  return a.executions.at(0) == "plain" ? Execution::plain : Execution::fused;
}

Precision precision_of(const Arguments& a) {
  return a.executions.at(0) == "bf16" ? Precision::bf16 : Precision::fp32;
}

/// A supernet of the size asked for and what can be timed on it.
class Subject {
 public:
  explicit Subject(const Arguments& a) : supernet_(options(a)) {
    initialize_supernet(supernet_, 0);
    supernet_->set_execution({execution_of(a), a.recompute, precision_of(a)});
    train_ = random_batch(a.batch);
    valid_ = random_batch(a.batch);
  }

  std::function<void()> work(const std::string& name) {
    if (name == "forward") {
      return [this] { loss().item<double>(); };
    }
    if (name == "alpha") {
      return [this] {
        torch::autograd::grad({loss()}, {supernet_->alphas().normal, supernet_->alphas().reduce});
      };
    }
    if (name == "w") {
      return [this] { torch::autograd::grad({loss()}, supernet_->weights()); };
    }
    SearchStepOptions options;
    options.method = name == "first" ? SearchMethod::first : SearchMethod::second;
    auto step = std::make_shared<SearchStep>(supernet_, options);
    return [this, step] { step->run(train_, valid_, 0.025); };
  }

 private:
  static SupernetOptions options(const Arguments& a) {
    SupernetOptions options;
    options.channels = a.channels;
    options.cells = a.cells;
    return options;
  }
  at::Tensor loss() {
    return at::cross_entropy_loss(supernet_->forward(train_.images), train_.labels);
  }

  Supernet supernet_;
  Batch train_;
  Batch valid_;
};

/// The evaluation network of DARTS_V2 with the paper's recipe: "evaluation", a training step;
/// "test", the logits of a batch of images.
std::function<void()> evaluation_work(const Arguments& a) {
  TrainConfig config;
  config.runtime.execution = execution_of(a);
  config.network.channels = a.channels;
  config.network.cells = a.cells;
  EvaluationNetwork network(network_options(config, load_genotype("DARTS_V2"), 3, 10));
  initialize_weights(*network, 0);
  const Batch batch = random_batch(a.batch);
  if (a.works.at(0) == "test") {
    network->eval();
    return [network, batch]() mutable { test_logits(network, batch.images, Precision::fp32); };
  }
  auto step = std::make_shared<TrainStep>(network, config);
  return [step, batch, config] {
    step->run(batch, {0, 0, config.w.learning_rate.start, config.network.drop_path});
  };
}

std::function<void()> work_of(const Arguments& a) {
  const std::string& name = a.works.at(0);
  if (name == "evaluation" || name == "test") {
    return evaluation_work(a);
  }
  auto subject = std::make_shared<Subject>(a);
  return [subject, work = subject->work(name)] { work(); };
}

/// One line: seconds of every step, and the peak of memory in bytes.
int measure(const Arguments& a) {
  use_huge_page_memory();
  set_threads(a.threads);
  const auto work = work_of(a);
  work();  // prepares memory and algorithms
  nlohmann::json result;
  for (std::int64_t i = 0; i < a.steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    result["seconds"].push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  result["peak"] = peak_memory_bytes(at::kCPU);
  std::cout << result.dump() << std::endl;
  return 0;
}

nlohmann::json run_child(const std::string& program, const Arguments& a, const std::string& work,
                         const std::string& execution) {
  const std::string command = program + " --child --work " + work + " --execution " + execution +
                              " --channels " + std::to_string(a.channels) + " --cells " +
                              std::to_string(a.cells) + " --batch " + std::to_string(a.batch) +
                              " --steps " + std::to_string(a.steps) + " --threads " +
                              std::to_string(a.threads) + (a.recompute ? " --recompute" : "");
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  for (char part[256]; pipe != nullptr && fgets(part, sizeof part, pipe.get()) != nullptr;) {
    text += part;
  }
  if (text.empty()) {
    throw Error("no result from: " + command + "; there may be too little memory");
  }
  return nlohmann::json::parse(text);
}

struct Figures {
  std::vector<double> seconds;
  double peak = 0.0;

  double median() {
    const auto middle = seconds.begin() + std::ssize(seconds) / 2;
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
  }
};

void compare(const std::string& program, const Arguments& a, const std::string& work) {
  std::map<std::string, Figures> figures;
  for (std::int64_t round = 0; round < a.rounds; ++round) {
    for (const std::string& execution : a.executions) {
      const auto result = run_child(program, a, work, execution);
      Figures& f = figures[execution];
      for (const double seconds : result.at("seconds")) {
        f.seconds.push_back(seconds);
      }
      f.peak = std::max(f.peak, result.at("peak").get<double>());
    }
  }
  std::cout << work << std::string(10 - std::min<std::size_t>(work.size(), 9), ' ');
  for (const std::string& execution : a.executions) {
    Figures& f = figures[execution];
    std::cout << execution << " " << format_fixed(f.median(), 3) << " s, "
              << format_fixed(f.peak / 1e9, 2) << " GB   ";
  }
  if (figures.size() == 2) {
    const double first = figures[a.executions.front()].median();
    std::cout << "ratio " << format_fixed(first / figures[a.executions.back()].median(), 2);
  }
  std::cout << std::endl;
}

int compare_main(int argc, char** argv) {
  Arguments a;
  CLI::App app("Times the networks' plain and fused execution in turns, and their peak memory.");
  app.add_option("--work", a.works,
                 "first, second: a search step; forward; alpha, w: one pass of the supernet; "
                 "evaluation: a training step of the evaluation network (paper: 36 channels, 20 "
                 "cells, batch 96); test: its logits")
      ->check(CLI::IsMember({"first", "second", "forward", "alpha", "w", "evaluation", "test"}));
  app.add_option("--execution", a.executions,
                 "two or more of: plain; fused; bf16, a search's fused one that stores bfloat16")
      ->check(CLI::IsMember({"plain", "fused", "bf16"}));
  app.add_option("--channels", a.channels, "of the first cells (paper: 16)");
  app.add_option("--cells", a.cells, "(paper: 8)");
  app.add_option("--batch", a.batch, "images (paper: 64)");
  app.add_option("--rounds", a.rounds, "turns of each");
  app.add_option("--steps", a.steps, "timed steps in a turn, after one that is not");
  app.add_option("--threads", a.threads, "0: all cores");
  app.add_flag("--recompute", a.recompute, "with the fused execution's recomputation");
  app.add_flag("--child", a.child)->group("");
  CLI11_PARSE(app, argc, argv);
  if (a.child) {
    return measure(a);
  }
  std::cout << a.channels << " channels, " << a.cells << " cells, batch " << a.batch
            << "; medians of " << a.rounds * a.steps << " steps; peaks of the whole process\n";
  for (const std::string& work : a.works) {
    compare(argv[0], a, work);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("compare_executions", [&] { return compare_main(argc, argv); });
}
