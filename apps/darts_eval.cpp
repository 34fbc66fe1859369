// darts_eval: tests a trained evaluation network, or counts what one costs.

#include <darts/core/atomic_file.hpp>
#include <darts/core/environment.hpp>
#include <darts/core/error.hpp>
#include <darts/core/main.hpp>
#include <darts/core/resources.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/core/text.hpp>
#include <darts/data/open_images.hpp>
#include <darts/eval/count_network.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/eval/test_network.hpp>
#include <darts/eval/train_config.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <iostream>
#include <numeric>

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

BatchLoader make_loader(const Arguments& a, const Subject& subject, Split split,
                        std::int64_t limit) {
  DatasetOptions options;
  options.name = a.data.empty() ? subject.description.dataset : a.data;
  if (options.name.empty()) {
    throw Error(subject.file.string() + " does not say what it was trained on; give --data");
  }
  options.root = a.data_root.empty() ? subject.description.root : a.data_root;
  options.image_size = subject.description.height;
  options.statistics = subject.description.statistics;
  const std::shared_ptr<const ImageSource> images = open_images(options, split);
  if (images->classes() != subject.description.options.classes ||
      images->channels() != subject.description.options.image_channels) {
    throw Error("the network tells " + std::to_string(subject.description.options.classes) +
                " classes of " + std::to_string(subject.description.options.image_channels) +
                "-channel images apart, but " + options.name + " has " +
                std::to_string(images->classes()) + " classes and " +
                std::to_string(images->channels()) + " channels");
  }
  std::vector<std::int64_t> indices(
      static_cast<std::size_t>(limit > 0 ? std::min(limit, images->size()) : images->size()));
  std::iota(indices.begin(), indices.end(), 0);
  LoaderOptions loader;
  loader.batch_size = a.batch_size;
  loader.workers = a.workers;
  loader.shuffle = split == Split::train;
  loader.pin_memory = subject.device.is_cuda();
  return {images, std::move(indices), loader};
}

std::string percent(double share) { return format_fixed(100.0 * share, 2) + " %"; }

void print(const TestOutcome& outcome, const Subject& subject) {
  const TestScores& scores = outcome.scores;
  const auto images = static_cast<double>(scores.images());
  std::cout << "checkpoint  " << subject.file.string() << "\nimages      "
            << format_count(scores.images()) << "\nloss        " << format_fixed(scores.loss(), 4)
            << "\ntop-1       " << percent(scores.top1()) << "\ntop-5       "
            << percent(scores.top5()) << "\nimages/s    "
            << format_fixed(images / outcome.seconds, 1) << " (waiting for data "
            << format_fixed(100.0 * outcome.loader_seconds / outcome.seconds, 1) << " %)\n\n";
  const auto& names = subject.description.class_names;
  constexpr std::size_t most_rows = 100;
  for (std::size_t i = 0; i < std::min(names.size(), most_rows); ++i) {
    const std::size_t gap = 24 - std::min<std::size_t>(columns(names[i]), 23);
    std::cout << names[i] << std::string(gap, ' ')
              << percent(scores.accuracy_of(static_cast<std::int64_t>(i))) << "\n";
  }
  if (names.size() > most_rows) {
    std::cout << "… (all " << names.size() << " with --json)\n";
  }
}

int test(const Arguments& a) {
  Subject subject = load_subject(a);
  if (a.recalibrate > 0) {
    BatchLoader train = make_loader(a, subject, Split::train, 0);
    const std::int64_t used = recalibrate(subject.network, train, a.recalibrate, subject.device);
    std::cout << "batch norm statistics computed anew on " << used << " batches of " << a.batch_size
              << "\n";
  }
  BatchLoader loader =
      make_loader(a, subject, a.split == "train" ? Split::train : Split::test, a.limit);
  TestOptions options;
  options.device = subject.device;
  options.precision = subject.precision;
  options.show_progress = true;
  const TestOutcome outcome = test_network(subject.network, loader, options).value();
  print(outcome, subject);
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

int write_logits(const Arguments& a) {
  if (a.output.empty()) {
    throw Error("--logits needs -o FILE");
  }
  Subject subject = load_subject(a);
  const Checkpoint input = load_checkpoint(a.logits);
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
  return a.logits.empty() ? test(a) : write_logits(a);
}

}  // namespace

int main(int argc, char** argv) {
  return darts::run_main("darts_eval", [&] { return eval_main(argc, argv); });
}
