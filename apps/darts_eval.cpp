// darts_eval: tests a trained evaluation network, or counts what one costs.

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

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace {

using namespace darts;
namespace fs = std::filesystem;

struct Arguments {
  std::string checkpoint;
  bool best = false;
  bool trained_weights = false;
  std::string data;
  std::string data_root;
  std::string split = "test";
  std::int64_t limit = 0;
  std::int64_t batch_size = 128;
  int workers = 2;
  std::int64_t recalibrate = 0;
  std::string device = "auto";
  std::string precision = "fp32";
  std::int64_t threads = 0;
  std::string json;
  std::string on_error = "fail";
  std::vector<std::string> predict;
  std::int64_t top = 5;
  std::string logits;
  std::string output;
  std::string count;
  std::string config = "cifar10.yaml";
  std::vector<std::string> settings;
  std::int64_t image_size = 0;
  std::int64_t image_channels = 3;
  std::int64_t classes = 0;
};

void declare_testing(CLI::App& app, Arguments& a) {
  app.add_option("checkpoint", a.checkpoint,
                 "what to test: a checkpoint of darts_train, or its run directory (the latest one)")
      ->type_name("CHECKPOINT|RUN_DIR");
  app.add_flag("--best", a.best, "of a run directory: the checkpoint picked on the test set");
  app.add_flag("--trained-weights", a.trained_weights,
               "the weights as trained, where there is a moving average of them");
  app.add_option("--data", a.data, "data set to test on (default: the one of the training)");
  app.add_option("--data-root", a.data_root, "folder of the data sets");
  app.add_option("--split", a.split, "images to test on")->check(CLI::IsMember({"test", "train"}));
  app.add_option("--limit", a.limit, "only the first so many images; 0: all")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch-size", a.batch_size, "images at a time")->check(CLI::PositiveNumber);
  app.add_option(
         "--on-error", a.on_error,
         "imagenet: a file that cannot be decoded ends the test, or is left out and counted")
      ->check(CLI::IsMember({"fail", "skip"}));
  app.add_option("--workers", a.workers, "threads that prepare batches")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--recalibrate", a.recalibrate,
                 "first compute the batch norms' statistics anew on so many batches of training "
                 "images")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--device", a.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--precision", a.precision, "fp32, or bf16 by autocast")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--threads", a.threads, "threads of the CPU's operations; 0: all cores")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--json", a.json,
                 "also write everything here, with the confusion matrix; in a run directory it is "
                 "test.json by default")
      ->type_name("FILE");
}

void declare_others(CLI::App& app, Arguments& a) {
  auto* predicted = app.add_option("--predict", a.predict,
                                   "no test: print the most likely classes of pictures (JPEG, PNG)")
                        ->type_name("IMAGE...");
  app.add_option("--top", a.top, "with --predict: classes to print (default 5)")
      ->check(CLI::PositiveNumber)
      ->needs(predicted);
  auto* logits =
      app.add_option("--logits", a.logits,
                     "no test: logits of the tensor `images` (N×C×H×W, float32, normalised) of a "
                     "safetensors file")
          ->type_name("FILE");
  app.add_option("-o,--output", a.output, "with --logits: where to write the tensor `logits`")
      ->needs(logits);
  auto* count =
      app.add_option("--count", a.count,
                     "no test: print parameters and multiply-adds of a genotype's network, "
                     "by cell and operation")
          ->type_name("GENOTYPE");
  app.add_option(
         "--config", a.config,
         "with --count: recipe that gives stem, cells and channels (default " + a.config + ")")
      ->needs(count);
  app.add_option("--set", a.settings, "with --count: set a key of the recipe")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false)
      ->needs(count);
  app.add_option("--image-size", a.image_size,
                 "with --count: height and width (default 32, behind the ImageNet stem 224)")
      ->check(CLI::PositiveNumber)
      ->needs(count);
  app.add_option("--image-channels", a.image_channels, "with --count: 3 for colour, 1 for grey")
      ->check(CLI::PositiveNumber)
      ->needs(count);
  app.add_option("--classes", a.classes,
                 "with --count: classes (default 10, behind the ImageNet stem 1000)")
      ->check(CLI::PositiveNumber)
      ->needs(count);
}

int count(const Arguments& a) {
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

fs::path find_checkpoint(const Arguments& a) {
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

Subject load_subject(const Arguments& a) {
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
  subject.network->to(subject.device);
  return subject;
}

TestDataOptions data_options(const Arguments& a, const Subject& subject, Split split) {
  TestDataOptions options;
  options.dataset = a.data;
  options.root = a.data_root;
  options.split = split;
  options.batch_size = a.batch_size;
  options.workers = a.workers;
  options.pin_memory = subject.device.is_cuda();
  options.on_error = a.on_error == "skip" ? OnError::skip : OnError::fail;
  return options;
}

int test(const Arguments& a) {
  Subject subject = load_subject(a);
  if (a.recalibrate > 0) {
    BatchLoader train = open_test_data(subject.description, data_options(a, subject, Split::train));
    const std::int64_t used = recalibrate(subject.network, train, a.recalibrate, subject.device);
    std::cout << "batch norm statistics computed anew on " << used << " batches of " << a.batch_size
              << "\n";
  }
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

int predict(const Arguments& a) {
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

int write_logits(const Arguments& a) {
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
  Arguments a;
  CLI::App app(
      "Tests a trained evaluation network: loss, top-1, top-5, accuracy of every class, confusion "
      "matrix, speed.\nOr counts what a genotype's network costs (--count).");
  app.set_version_flag(
      "--version", "darts " + std::string(program_version()) + " " + std::string(git_revision()));
  declare_testing(app, a);
  declare_others(app, a);
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
