// darts_eval: tests a trained evaluation network, or counts what one costs.

#include "eval_arguments.hpp"

#include <darts/core/atomic_file.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/core/safetensors.hpp>
#include <darts/core/text.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/read_picture.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/eval/test_data.hpp>
#include <darts/eval/test_network.hpp>
#include <darts/eval/train_config.hpp>

#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

int count(const EvalArguments& a) {
  TrainConfig config;
  FieldTable table = fields(config);
  const auto find = [](const std::string& name) {
    return find_resource(ResourceKind::train_config, name);
  };
  table.load(find(a.config), find);
  for (const std::string& setting : a.settings) {
    table.assign(setting);
  }
  const bool imagenet = config.network.stem == NetworkStem::imagenet;
  const std::int64_t size = a.image_size > 0 ? a.image_size : imagenet ? 224 : 32;
  const std::int64_t classes = a.classes > 0 ? a.classes : imagenet ? 1000 : 10;
  const NetworkCount result = count_network(
      network_options(config, load_genotype(a.count), a.image_channels, classes), size, size);
  if (a.json.empty()) {
    std::cout << describe(result);
  } else {
    write_file_atomically(a.json, to_json(result).dump(2) + "\n");
  }
  return 0;
}

fs::path find_checkpoint(const EvalArguments& a) {
  if (!fs::is_directory(a.checkpoint)) {
    if (a.best) {
      throw Error("--best goes with a run directory, and " + a.checkpoint + " is none");
    }
    return a.checkpoint;
  }
  if (a.best) {
    return fs::path(a.checkpoint) / "checkpoints" / "best.safetensors";
  }
  if (const auto latest = latest_checkpoint_of(a.checkpoint)) {
    return *latest;
  }
  throw Error(a.checkpoint + " has no checkpoint; give a run directory of darts_train, or a file");
}

/// A trained network on its device, and what it was trained on.
struct Subject {
  NetworkDescription description;
  EvaluationNetwork network{nullptr};
  c10::Device device = at::kCPU;
  Precision precision = Precision::fp32;
  fs::path file;
};

TestDataOptions data_options(const EvalArguments& a, const Subject& subject, Split split) {
  TestDataOptions options;
  options.dataset = a.data;
  options.root = a.data_root;
  options.split = split;
  options.batch_size = a.batch_size;
  options.workers = a.workers;
  options.pin_memory = subject.device.is_cuda();
  options.channels_last = a.channels_last;
  options.on_error = a.on_error == "skip" ? OnError::skip : OnError::fail;
  return options;
}

Subject load_subject(const EvalArguments& a) {
  RuntimeOptions runtime;
  runtime.device = a.device;
  runtime.threads = a.threads;
  Subject subject;
  subject.precision = a.precision == "bf16" ? Precision::bf16 : Precision::fp32;
  subject.device = prepare_runtime(runtime);
  subject.file = find_checkpoint(a);
  const Checkpoint checkpoint = load_checkpoint(subject.file);
  subject.description = network_description_of(checkpoint);
  subject.network =
      load_network(checkpoint, a.trained_weights ? WeightsKind::trained : WeightsKind::best_known);
  subject.network->set_execution(a.execution == "plain" ? Execution::plain : Execution::fused);
  subject.network->to(subject.device);
  if (a.recalibrate > 0) {
    BatchLoader train = open_test_data(subject.description, data_options(a, subject, Split::train));
    const std::int64_t used = recalibrate(subject.network, train, a.recalibrate, subject.device);
    std::cout << "batch norm statistics computed anew on " << used << " batches of " << a.batch_size
              << "\n";
  }
  return subject;
}

int test(const EvalArguments& a) {
  Subject subject = load_subject(a);
  TestDataOptions data = data_options(a, subject, a.split == "train" ? Split::train : Split::test);
  data.limit = a.limit;
  BatchLoader loader = open_test_data(subject.description, data);
  TestOptions options;
  options.device = subject.device;
  options.precision = subject.precision;
  options.show_progress = true;
  const TestOutcome outcome = test_network(subject.network, loader, options).value();
  std::cout << "checkpoint              " << subject.file.string() << "\n"
            << describe(outcome, subject.description.class_names);
  if (loader.skipped() > 0) {
    std::cout << "unreadable images       " << format_count(loader.skipped()) << "\n";
  }
  const fs::path json = !a.json.empty()                  ? fs::path(a.json)
                        : fs::is_directory(a.checkpoint) ? fs::path(a.checkpoint) / "test.json"
                                                         : fs::path();
  if (!json.empty()) {
    auto report = to_json(outcome.scores, subject.description.class_names);
    report["checkpoint"] = subject.file.string();
    report["images_per_second"] = static_cast<double>(outcome.scores.images()) / outcome.seconds;
    write_file_atomically(json, report.dump(2) + "\n");
    std::cout << "\nwritten to " << json.string() << "\n";
  }
  return 0;
}

int predict(const EvalArguments& a) {
  Subject subject = load_subject(a);
  const auto& names = subject.description.class_names;
  const auto shown = std::min<std::int64_t>(a.top, std::ssize(names));
  for (const std::string& file : a.predict) {
    const at::Tensor image = read_picture(file, subject.description).to(subject.device);
    const at::Tensor logits = test_logits(subject.network, image, subject.precision);
    const auto [shares, labels] = at::softmax(logits[0], 0).topk(shown);
    std::cout << file << "\n";
    for (std::int64_t i = 0; i < shown; ++i) {
      const std::string share = format_fixed(100.0 * shares[i].item<double>(), 2);
      std::cout << std::string(8 - std::min<std::size_t>(share.size(), 7), ' ') << share << " %  "
                << names.at(static_cast<std::size_t>(labels[i].item<std::int64_t>())) << "\n";
    }
  }
  return 0;
}

int write_logits(const EvalArguments& a) {
  if (a.output.empty()) {
    throw Error("--logits needs -o FILE");
  }
  Subject subject = load_subject(a);
  Checkpoint input;
  input.tensors = load_safetensors(a.logits);
  input.file = a.logits;
  const at::Tensor images = require(input, "images").to(subject.device, at::kFloat);
  const std::int64_t channels = subject.description.options.image_channels;
  if (images.dim() != 4 || images.size(1) != channels) {
    throw Error(a.logits + ": images of shape N×" + std::to_string(channels) +
                "×H×W are needed, these have " + std::to_string(images.dim()) + " dimensions" +
                (images.dim() == 4 ? " and " + std::to_string(images.size(1)) + " channels" : ""));
  }
  Checkpoint output;
  output.tensors.emplace("logits", test_logits(subject.network, images, subject.precision));
  save_checkpoint(a.output, output);
  return 0;
}

int eval_main(int argc, char** argv) {
  EvalArguments a;
  CLI::App app(
      "Tests a trained evaluation network: loss, top-1, top-5, accuracy of every class, confusion "
      "matrix, speed.\nOr counts what a genotype's network costs (--count).");
  app.set_version_flag(
      "--version", "darts " + std::string(program_version()) + " " + std::string(git_revision()));
  declare(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // --help, --version
  } catch (const CLI::ParseError& e) {
    throw Error(std::string(e.what()) + "; see darts_eval --help");
  }
  if (!a.count.empty()) {
    return count(a);
  }
  if (a.checkpoint.empty()) {
    throw Error(
        "say what to test: a checkpoint of darts_train or its run directory, or --count "
        "GENOTYPE; see darts_eval --help");
  }
  if (!a.predict.empty()) {
    return predict(a);
  }
  return a.logits.empty() ? test(a) : write_logits(a);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("darts_eval", [&] { return eval_main(argc, argv); });
}
