#include <darts/core/doing.hpp>
#include <darts/core/error.hpp>
#include <darts/core/text.hpp>
#include <darts/core/utf8.hpp>
#include <darts/eval/memory_estimate.hpp>
#include <darts/eval/read_picture.hpp>
#include <darts/eval/trained_network.hpp>
#include <darts/ops/noise.hpp>
#include <darts/run/run_directory.hpp>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace darts {
namespace {

namespace fs = std::filesystem;

fs::path find_checkpoint(const fs::path& checkpoint_or_run, bool best) {
  if (!fs::is_directory(checkpoint_or_run)) {
    if (best) {
      throw Error("--best goes with a run directory, and " + checkpoint_or_run.string() +
                  " is none");
    }
    return checkpoint_or_run;
  }
  if (program_of_run(checkpoint_or_run) == "darts_search") {
    const std::string run = checkpoint_or_run.string();
    throw Error(run +
                " is a run of darts_search, which trains no network to be tested; train what it "
                "found: darts_train --genotype " +
                shell_quoted(run));
  }
  if (best) {
    return checkpoint_or_run / "checkpoints" / "best.safetensors";
  }
  if (const auto latest = latest_checkpoint_of(checkpoint_or_run)) {
    return *latest;
  }
  throw Error(checkpoint_or_run.string() +
              " has no checkpoint; give a run directory of darts_train, or a file");
}

BatchLoader open(const TrainedNetwork& trained, TestDataOptions data) {
  data.pin_memory = trained.device.is_cuda();
  data.channels_last = trained.options.runtime.channels_last;
  return open_test_data(trained.description, data);
}

/// The error of logits that are NaN or infinite.
Error not_finite(const TrainedNetwork& trained, const std::string& what) {
  const bool bf16 = trained.options.runtime.precision == Precision::bf16;
  return Error(trained.file.string() + ": the network's logits of " + what +
               " are not finite (NaN, infinite); " +
               (bf16 ? "try --precision fp32, or " : "its training may have diverged; ") +
               "take an older checkpoint");
}

void check_logits(const TrainedNetwork& trained, const at::Tensor& logits,
                  const std::string& source) {
  if (!at::isfinite(logits).all().item<bool>()) {
    throw not_finite(trained, source);
  }
}

/// Throws MemoryError where so many images at a time need more than there is.
void check_memory_for(const TrainedNetwork& trained, std::int64_t images) {
  const NetworkDescription& network = trained.description;
  check_memory(memory_to_run(network.options, {images, network.height, network.width},
                             trained.options.runtime.precision),
               trained.device);
}

std::string work(const std::string& what, const NetworkTest& test) {
  return what + " " + std::to_string(test.data.batch_size) + " images at a time";
}

}  // namespace

TrainedNetwork load_trained_network(const fs::path& checkpoint_or_run,
                                    const TrainedNetworkOptions& options) {
  TrainedNetwork trained;
  trained.options = options;
  trained.device = prepare_runtime(options.runtime, *options.ranks);
  trained.file = find_checkpoint(checkpoint_or_run, options.best);
  const Checkpoint checkpoint = load_checkpoint(trained.file);
  trained.description = network_description_of(checkpoint);
  check_memory_for(trained, 1);
  doing("make the network of " + trained.file.string(), [&] {
    trained.network = load_network(checkpoint, options.weights);
    trained.network->set_execution(options.execution);
    trained.network->to(trained.device);
  });
  return trained;
}

bool NetworkTest::is_whole(const TrainedNetwork& trained) const {
  const NetworkDescription& network = trained.description;
  const bool own_weights =
      !trained.options.best && trained.options.weights == WeightsKind::best_known;
  std::error_code ignored;  // what is not there is not the same
  const bool own_dataset = data.dataset.empty() || data.dataset == network.dataset;
  const bool own_root = data.root.empty() || data.root == network.root ||
                        fs::equivalent(data.root, network.root, ignored);
  return own_weights && data.split == Split::test && data.limit == 0 && own_dataset && own_root &&
         recalibrate == 0;
}

std::int64_t recalibrate(TrainedNetwork& trained, const NetworkTest& test) {
  TestDataOptions data = test.data;
  data.split = Split::train;
  data.limit = 0;
  data.ranks = single_rank();  // each computes all of them
  BatchLoader train = open(trained, data);
  return doing(work("compute batch norm statistics of", test), [&] {
    return recalibrate(trained.network, train, test.recalibrate, trained.device);
  });
}

TestOutcome test_network(TrainedNetwork& trained, const NetworkTest& test) {
  BatchLoader loader = open(trained, test.data);
  check_memory_for(trained, std::min(test.data.batch_size, loader.images_per_epoch()));
  TestOptions options;
  options.device = trained.device;
  options.precision = trained.options.runtime.precision;
  options.show_progress = test.show_progress;
  if (const auto& ranks = trained.options.ranks; !ranks->alone()) {
    options.shared = std::make_shared<SharedBatch>(ranks);
    share_noise(*trained.network, options.shared);
  }
  TestOutcome outcome = doing(
      work("test", test), [&] { return test_network(trained.network, loader, options).value(); });
  if (const std::int64_t count = outcome.scores.non_finite(); count > 0) {
    throw not_finite(trained, std::to_string(count) + " of " +
                                  std::to_string(outcome.scores.images()) + " images");
  }
  return outcome;
}

nlohmann::ordered_json test_report(const TrainedNetwork& trained, const NetworkTest& test,
                                   const TestOutcome& outcome) {
  const bool as_trained = trained.options.weights == WeightsKind::trained;
  const std::string& dataset = test.data.dataset;
  auto report = to_json(outcome.scores, trained.description.class_names);
  report["unreadable_images"] = outcome.skipped;
  report["checkpoint"] = as_utf8(trained.file.string());
  report["weights"] = as_trained ? "as trained" : "moving average where there is one";
  report["dataset"] = dataset.empty() ? trained.description.dataset : dataset;
  report["split"] = test.data.split == Split::train ? "train" : "test";
  report["limit"] = test.data.limit;
  report["recalibrated_batches"] = test.recalibrate;
  report["precision"] = trained.options.runtime.precision == Precision::bf16 ? "bf16" : "fp32";
  report["images_per_second"] = static_cast<double>(outcome.scores.images()) / outcome.seconds;
  return report;
}

std::vector<Prediction> predict(TrainedNetwork& trained, const fs::path& picture,
                                std::int64_t top) {
  const auto& names = trained.description.class_names;
  const at::Tensor prepared = read_picture(picture, trained.description);
  const at::Tensor image =
      (trained.options.runtime.channels_last ? prepared : prepared.contiguous()).to(trained.device);
  restart_noise(*trained.network, {0, RandomPurpose::noise});  // whichever pictures came before
  const at::Tensor logits = doing("classify " + picture.string(), [&] {
    return test_logits(trained.network, image, trained.options.runtime.precision);
  });
  check_logits(trained, logits, picture.string());
  const auto [shares, labels] =
      at::softmax(logits[0], 0).topk(std::min<std::int64_t>(top, std::ssize(names)));
  std::vector<Prediction> predictions;
  for (std::int64_t i = 0; i < shares.size(0); ++i) {
    predictions.push_back({names.at(static_cast<std::size_t>(labels[i].item<std::int64_t>())),
                           shares[i].item<double>()});
  }
  return predictions;
}

at::Tensor logits_of(TrainedNetwork& trained, const at::Tensor& images, const std::string& source) {
  const std::int64_t channels = trained.description.options.image_channels;
  if (images.dim() != 4 || images.size(1) != channels) {
    throw Error(source + ": images of shape N×" + std::to_string(channels) +
                "×H×W are needed, these have " + std::to_string(images.dim()) + " dimensions" +
                (images.dim() == 4 ? " and " + std::to_string(images.size(1)) + " channels" : ""));
  }
  if (!at::isfinite(images).all().item<bool>()) {
    throw Error(source + ": the images hold values that are not finite (NaN, infinite)");
  }
  check_memory_for(trained, images.size(0));
  restart_noise(*trained.network, {0, RandomPurpose::noise});
  const at::Tensor logits = doing("compute the logits of the images in " + source, [&] {
    return test_logits(trained.network, images.to(trained.device, at::kFloat),
                       trained.options.runtime.precision);
  });
  check_logits(trained, logits, source);
  return logits;
}

}  // namespace darts
