#include "random_batch.hpp"
#include "subjects.hpp"

#include <darts/eval/count_network.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/train_step.hpp>
#include <darts/ops/initialize.hpp>

#include <memory>

namespace darts {
namespace {

/// The paper's recipe but for the sizes.
TrainConfig config_of(const NetworkSize& size) {
  TrainConfig config;
  config.network.channels = size.channels;
  config.network.cells = size.cells;
  config.train.batch_size = size.batch;
  return config;
}

TrainConfig config_of(const SubjectOptions& o) {
  TrainConfig config = config_of(o.size);
  config.runtime.execution = o.execution.execution;
  config.runtime.precision = o.execution.precision;
  config.runtime.channels_last = o.channels_last;
  config.runtime.cuda_graph = o.cuda_graph;
  config.runtime.tf32 = o.tf32;
  config.parallel.batch_norm = o.batch_norm;
  return config;
}

EvaluationNetworkOptions network_of(const TrainConfig& config) {
  return network_options(config, load_genotype("DARTS_V2"), 3, 10);
}

EvaluationNetwork make_network(const TrainConfig& config, const c10::Device& device) {
  EvaluationNetwork network(network_of(config));
  initialize_weights(*network, 0);
  network->to(device);
  return network;
}

NetworkCount count(const NetworkSize& size) {
  TrainConfig config = config_of(size);
  config.runtime.execution = Execution::plain;
  return count_network(network_of(config), 32, 32);
}

}  // namespace

std::function<void()> training_step(const SubjectOptions& options) {
  const TrainConfig config = config_of(options);
  const auto step =
      std::make_shared<TrainStep>(make_network(config, options.device), config, options.ranks);
  const TrainPosition position{0, 0, config.w.learning_rate.start, config.network.drop_path};
  return [step, position, batch = random_batch(options)] { step->launch(batch, position); };
}

std::function<void()> testing_pass(const SubjectOptions& options) {
  EvaluationNetwork network = make_network(config_of(options), options.device);
  network->eval();
  return
      [network, batch = random_batch(options), precision = options.execution.precision]() mutable {
        test_logits(network, batch.images, precision);
      };
}

std::int64_t training_multiply_adds(const NetworkSize& size) {
  const NetworkCount both = count(size);
  return both.multiply_adds + both.auxiliary.multiply_adds;
}

std::int64_t testing_multiply_adds(const NetworkSize& size) { return count(size).multiply_adds; }

}  // namespace darts
