// darts_eval: tests a trained evaluation network, or counts what one costs.

#include "eval_arguments.hpp"
#include "rank_program.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/safetensors.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/known_genotypes.hpp>
#include <darts/eval/trained_network.hpp>
#include <darts/run/load_config.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

int count(const EvalArguments& a) {
  const auto config = load_recipe<TrainConfig>(a.config, [&a](FieldTable& table) {
    for (const std::string& setting : a.settings) {
      table.assign(setting);
    }
  });
  const DatasetShape shape = image_shape(config, {a.image_size, a.image_channels, a.classes});
  const std::string images = "images of " + std::to_string(shape.size) + "×" +
                             std::to_string(shape.size) + "×" + std::to_string(shape.channels) +
                             ", " + std::to_string(shape.classes) + " classes";
  const NetworkCount result =
      doing(Task("count the network for " + images)
                .needs_memory("lower --image-size, or the network's "
                              "sizes"),
            [&] { return count_network(config, load_genotype(a.count), shape); });
  std::cout << images << "\n\n" << describe(result);
  if (!a.json.empty()) {
    write_file_atomically(a.json, to_json(result).dump(2) + "\n");
  }
  return 0;
}

TrainedNetworkOptions network_options(const EvalArguments& a) {
  TrainedNetworkOptions options;
  options.best = a.best;
  options.weights = a.trained_weights ? WeightsKind::trained : WeightsKind::best_known;
  options.runtime.device = a.device;
  options.runtime.threads = a.threads;
  options.runtime.precision = a.precision == "bf16" ? Precision::bf16 : Precision::fp32;
  options.execution = a.execution == "plain" ? Execution::plain : Execution::fused;
  options.runtime.channels_last = a.channels_last;
  return options;
}

NetworkTest test_options(const EvalArguments& a) {
  NetworkTest options;
  options.data.dataset = a.data;
  options.data.root = a.data_root;
  options.data.split = a.split == "train" ? Split::train : Split::test;
  options.data.limit = a.limit;
  options.data.batch_size = a.batch_size;
  options.data.workers = a.workers;
  options.data.on_error = a.on_error == "skip" ? OnError::skip : OnError::fail;
  options.data.log = Log();
  options.recalibrate = a.recalibrate;
  options.show_progress = true;
  return options;
}

TrainedNetwork load(const EvalArguments& a, const std::shared_ptr<Ranks>& ranks = single_rank()) {
  TrainedNetworkOptions options = network_options(a);
  options.ranks = ranks;
  TrainedNetwork trained = load_trained_network(a.checkpoint, options);
  if (a.recalibrate > 0) {
    const std::int64_t used = recalibrate(trained, test_options(a));
    if (ranks->is_first()) {
      std::cout << "batch norm statistics computed anew on " << used << " batches of "
                << a.batch_size << "\n";
    }
  }
  return trained;
}

/// Of several ranks the first one tells what all of them have found.
int test(const EvalArguments& a, const std::shared_ptr<Ranks>& ranks) {
  TrainedNetwork trained = load(a, ranks);
  NetworkTest options = test_options(a);
  options.data.ranks = ranks;
  options.show_progress = ranks->is_first();
  options.data.log = ranks->is_first() ? Log() : Log::warnings();
  const TestOutcome outcome = test_network(trained, options);
  if (!ranks->is_first()) {
    return 0;
  }
  std::cout << "checkpoint              " << trained.file.string() << "\n"
            << describe(outcome, trained.description.class_names);
  fs::path json = a.json;
  if (json.empty() && fs::is_directory(a.checkpoint)) {
    if (options.is_whole(trained)) {
      json = fs::path(a.checkpoint) / "test.json";
    } else {
      std::cout
          << "\nnot the training's own test (its latest weights, on all its test images), so not "
             "in test.json; --json FILE keeps it\n";
    }
  }
  if (!json.empty()) {
    write_file_atomically(json, test_report(trained, options, outcome).dump(2) + "\n");
    std::cout << "\nwritten to " << json.string() << "\n";
  }
  return 0;
}

int predict(const EvalArguments& a) {
  TrainedNetwork trained = load(a);
  for (const std::string& file : a.predict) {
    const std::vector<Prediction> predictions = darts::predict(trained, file, a.top);
    std::cout << file << "\n";
    for (const Prediction& p : predictions) {
      const std::string share = format_fixed(100.0 * p.share, 2);
      std::cout << std::string(8 - std::min<std::size_t>(share.size(), 7), ' ') << share << " %  "
                << p.class_name << "\n";
    }
  }
  return 0;
}

int write_logits(const EvalArguments& a) {
  if (a.output.empty()) {
    throw Error("--logits needs -o FILE");
  }
  TrainedNetwork trained = load(a);
  Checkpoint input;
  input.tensors = load_safetensors(a.logits);
  input.file = a.logits;
  Checkpoint output;
  output.tensors.emplace("logits", logits_of(trained, require(input, "images"), a.logits));
  save_checkpoint(a.output, output);
  return 0;
}

int eval_main(int argc, char** argv) {
  EvalArguments a;
  CLI::App app(
      "Tests a trained evaluation network: loss, top-1, top-5, accuracy of every class, confusion "
      "matrix, speed.\nOr counts what a genotype's network costs (--count).");
  declare_version(app);
  declare(app, a);
  if (const auto status = parse(app, "darts_eval", argc, argv)) {
    return *status;
  }
  if (const std::string idle = idle_options(app, a); !idle.empty()) {
    Log().warn(idle);
  }
  if (a.list_genotypes) {
    std::cout << describe(known_genotypes()) << std::flush;
    return 0;
  }
  if (!a.count.empty()) {
    return count(a);
  }
  if (a.checkpoint.empty() && !a.predict.empty()) {
    throw Error(
        "the checkpoint or run directory stands before --predict, which takes all that follows");
  }
  if (a.checkpoint.empty()) {
    throw Error(
        "say what to test: a checkpoint of darts_train or its run directory, or --count "
        "GENOTYPE; see darts_eval --help");
  }
  if (!a.predict.empty()) {
    return predict(a);
  }
  if (!a.logits.empty()) {
    return write_logits(a);
  }
  if (!a.processes.empty()) {
    const StopSignals signals({});
    return *launch_ranks(a.processes, {argc, argv}, signals);
  }
  return on_ranks({}, [&](const std::shared_ptr<Ranks>& ranks) { return test(a, ranks); });
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main({"darts_eval", "lower --batch-size, or set --precision bf16"},
                         [&] { return eval_main(argc, argv); });
}
