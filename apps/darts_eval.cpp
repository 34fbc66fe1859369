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
#include <darts/data/dataset.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/held_out_data.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/read_picture.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/eval/train_config.hpp>

#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

/// What the recipe's images are like, unless the arguments say otherwise.
DatasetShape counted_shape(const EvalArguments& a, const TrainConfig& config) {
  const DatasetEntry& set = find_dataset(config.data.set.name);
  DatasetShape shape = set.shape;
  if (shape.size == 0) {
    shape.size = set.load == nullptr ? config.data.photos.crop_size : config.data.set.image_size;
  }
  shape.size = a.image_size > 0 ? a.image_size : shape.size;
  shape.channels = a.image_channels > 0 ? a.image_channels : shape.channels;
  shape.classes = a.classes > 0 ? a.classes : shape.classes;
  if (shape.classes == 0) {
    throw Error("give --classes: how many classes " + config.data.set.name + " has is not known");
  }
  return shape;
}

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
  const DatasetShape shape = counted_shape(a, config);
  const NetworkCount result =
      count_network(network_options(config, load_genotype(a.count), shape.channels, shape.classes),
                    shape.size, shape.size);
  const std::string size = std::to_string(shape.size);
  std::cout << "images of " << size << "×" << size << "×" << shape.channels << ", " << shape.classes
            << " classes\n\n"
            << describe(result);
  if (!a.json.empty()) {
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

/// Whether the figures are those of a run directory's test.json.
bool is_whole_test(const EvalArguments& a) {
  return a.split == "test" && a.limit == 0 && a.data.empty() && a.recalibrate == 0;
}

/// The scores and what they are of.
nlohmann::ordered_json report_of(const EvalArguments& a, const Subject& subject,
                                 const TestOutcome& outcome) {
  auto report = to_json(outcome.scores, subject.description.class_names);
  report["unreadable_images"] = outcome.skipped;
  report["checkpoint"] = subject.file.string();
  report["weights"] = a.trained_weights ? "as trained" : "moving average where there is one";
  report["dataset"] = a.data.empty() ? subject.description.dataset : a.data;
  report["split"] = a.split;
  report["limit"] = a.limit;
  report["recalibrated_batches"] = a.recalibrate;
  report["precision"] = a.precision;
  report["images_per_second"] = static_cast<double>(outcome.scores.images()) / outcome.seconds;
  return report;
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
  fs::path json = a.json;
  if (json.empty() && fs::is_directory(a.checkpoint)) {
    if (is_whole_test(a)) {
      json = fs::path(a.checkpoint) / "test.json";
    } else {
      std::cout
          << "\nnot the whole test as the training knows it, so not in test.json; --json FILE "
             "keeps it\n";
    }
  }
  if (!json.empty()) {
    write_file_atomically(json, report_of(a, subject, outcome).dump(2) + "\n");
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
  return a.logits.empty() ? test(a) : write_logits(a);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main({"darts_eval", "lower --batch-size, or set --precision bf16"},
                         [&] { return eval_main(argc, argv); });
}
