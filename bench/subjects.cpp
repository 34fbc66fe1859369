#include "subjects.hpp"

#include <darts/core/error.hpp>
#include <darts/core/run.hpp>
#include <darts/eval/test_network.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/initialize.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <torch/csrc/api/include/torch/autograd.h>

#include <algorithm>
#include <memory>
#include <sstream>

namespace darts {
namespace {

Batch random_batch(const SubjectOptions& o) {
  return {at::rand({o.size.batch, 3, 32, 32})
              .contiguous(o.channels_last ? at::MemoryFormat::ChannelsLast
                                          : at::MemoryFormat::Contiguous),
          at::randint(10, {o.size.batch}, at::kLong)};
}

/// A supernet and a batch of either kind.
struct SearchSubject {
  explicit SearchSubject(const SubjectOptions& o)
      : supernet(options_of(o)), train(random_batch(o)), valid(random_batch(o)) {
    initialize_supernet(supernet, 0);
  }

  static SupernetOptions options_of(const SubjectOptions& o) {
    SupernetOptions options;
    options.channels = o.size.channels;
    options.cells = o.size.cells;
    options.execution = o.execution;
    return options;
  }

  at::Tensor loss() {
    return at::cross_entropy_loss(supernet->forward(train.images), train.labels);
  }

  Supernet supernet;
  Batch train;
  Batch valid;
};

template <SearchMethod method>
std::function<void()> search_step(const SubjectOptions& o) {
  const auto subject = std::make_shared<SearchSubject>(o);
  SearchStepOptions options;
  options.method = method;
  const auto step = std::make_shared<SearchStep>(subject->supernet, options);
  return [subject, step, rate = options.w.learning_rate] {
    step->run(subject->train, subject->valid, rate);
  };
}

std::function<void()> forward_pass(const SubjectOptions& o) {
  const auto subject = std::make_shared<SearchSubject>(o);
  return [subject] { subject->loss().item<double>(); };
}

std::function<void()> alpha_pass(const SubjectOptions& o) {
  const auto subject = std::make_shared<SearchSubject>(o);
  return [subject] {
    const Alphas alphas = subject->supernet->alphas();
    torch::autograd::grad({subject->loss()}, {alphas.normal, alphas.reduce});
  };
}

std::function<void()> weight_pass(const SubjectOptions& o) {
  const auto subject = std::make_shared<SearchSubject>(o);
  return [subject] { torch::autograd::grad({subject->loss()}, subject->supernet->weights()); };
}

/// The paper's recipe but for the sizes.
TrainConfig train_config(const SubjectOptions& o) {
  TrainConfig config;
  config.runtime.execution = o.execution.execution;
  config.runtime.precision = o.execution.precision;
  config.network.channels = o.size.channels;
  config.network.cells = o.size.cells;
  config.train.batch_size = o.size.batch;
  return config;
}

EvaluationNetwork evaluation_network(const TrainConfig& config) {
  EvaluationNetwork network(network_options(config, load_genotype("DARTS_V2"), 3, 10));
  initialize_weights(*network, 0);
  return network;
}

std::function<void()> evaluation_step(const SubjectOptions& o) {
  const TrainConfig config = train_config(o);
  const auto step = std::make_shared<TrainStep>(evaluation_network(config), config);
  const TrainPosition position{0, 0, config.w.learning_rate.start, config.network.drop_path};
  return [step, position, batch = random_batch(o)] { step->run(batch, position); };
}

std::function<void()> evaluation_test(const SubjectOptions& o) {
  EvaluationNetwork network = evaluation_network(train_config(o));
  network->eval();
  return [network, batch = random_batch(o), precision = o.execution.precision]() mutable {
    test_logits(network, batch.images, precision);
  };
}

constexpr TimedNetwork networks[] = {{"supernet", {16, 3, 16}, {16, 8, 64}},
                                     {"DARTS_V2's network", {16, 5, 32}, {36, 20, 96}}};
constexpr const TimedNetwork* supernet = &networks[0];
constexpr const TimedNetwork* evaluation = &networks[1];

}  // namespace

std::span<const TimedNetwork> timed_networks() { return networks; }

std::span<const Work> works() {
  static constexpr Work table[] = {
      {"first", "a search step, first order", supernet, search_step<SearchMethod::first>},
      {"second", "a search step, second order", supernet, search_step<SearchMethod::second>},
      {"joint", "a search step, alpha and w together", supernet, search_step<SearchMethod::joint>},
      {"forward", "the supernet's loss", supernet, forward_pass},
      {"alpha", "its gradient of alpha", supernet, alpha_pass},
      {"w", "its gradient of w", supernet, weight_pass},
      {"evaluation", "a training step of the evaluation network", evaluation, evaluation_step},
      {"test", "the evaluation network's logits", evaluation, evaluation_test},
  };
  return table;
}

const Work& find_work(std::string_view name) {
  const auto work = std::ranges::find(works(), name, &Work::name);
  if (work == works().end()) {
    std::string names;
    for (const Work& row : works()) {
      names += (names.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error("unknown work '" + std::string(name) + "'; there are " + names);
  }
  return *work;
}

SubjectOptions subject_options(const std::string& execution, const NetworkSize& size) {
  RuntimeOptions runtime;
  FieldTable table;
  add_runtime_fields(table, runtime);
  std::istringstream parts(execution);
  std::string part;
  std::getline(parts, part, '+');
  table.set("runtime.execution", part, "--execution " + execution);
  while (std::getline(parts, part, '+')) {
    if (part == "nchw") {
      runtime.channels_last = false;
    } else {
      table.set("runtime.precision", part, "--execution " + execution);
    }
  }
  return {size, {runtime.execution, /*recompute=*/false, runtime.precision}, runtime.channels_last};
}

}  // namespace darts
