#pragma once

#include <darts/eval/held_out_data.hpp>
#include <darts/eval/inference.hpp>
#include <darts/eval/stored_network.hpp>
#include <darts/ops/execution.hpp>
#include <darts/run/options.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace darts {

// What a trained network is for: it is tested, names what pictures show, and gives its logits.
//
//     TrainedNetwork trained = load_trained_network("runs/cifar10-20260304-050607");
//     test_network(trained, NetworkTest()).scores.top1();
//     predict(trained, "photo.jpg", 5).front().class_name;

struct TrainedNetworkOptions {
  bool best = false;  ///< of a run directory: the checkpoint picked on the test set
  WeightsKind weights = WeightsKind::best_known;
  RuntimeOptions runtime;  ///< device, threads, precision, channels_last
  Execution execution = Execution::fused;
  std::shared_ptr<Ranks> ranks = single_rank();  ///< that test it together
};

/// A trained network on its device, and what it was trained on.
struct TrainedNetwork {
  NetworkDescription description;
  EvaluationNetwork network{nullptr};
  TrainedNetworkOptions options;
  c10::Device device = at::kCPU;
  std::filesystem::path file;  ///< its checkpoint
};

/// That of a checkpoint, or of a run directory: its latest, or its best. Throws Error if there is
/// none, or it cannot be used.
TrainedNetwork load_trained_network(const std::filesystem::path& checkpoint_or_run,
                                    const TrainedNetworkOptions& options = {});

/// What it is tested on.
struct NetworkTest {
  TestDataOptions data;
  std::int64_t recalibrate = 0;  ///< batches that recalibrate() was called with before
  bool show_progress = false;

  /// Whether the figures are those of the training's own test: of the weights that it would test
  /// (not those picked on the test set), on all test images where the training found them.
  bool is_whole(const TrainedNetwork& trained) const;
};

/// Computes the batch norms' statistics anew on `test.recalibrate` batches of training images.
/// Returns the batches used.
std::int64_t recalibrate(TrainedNetwork& trained, const NetworkTest& test);

TestOutcome test_network(TrainedNetwork& trained, const NetworkTest& test);

/// The scores of every class and what they are of: the content of test.json.
nlohmann::ordered_json test_report(const TrainedNetwork& trained, const NetworkTest& test,
                                   const TestOutcome& outcome);

struct Prediction {
  std::string class_name;
  double share = 0.0;  ///< softmax of the logits, in [0, 1]
};

/// The `top` most likely classes (all, if there are fewer) of a JPEG or PNG file.
std::vector<Prediction> predict(TrainedNetwork& trained, const std::filesystem::path& picture,
                                std::int64_t top);

/// Logits of images, N×C×H×W, normalised. Throws Error, which begins with `source`, for another
/// shape.
at::Tensor logits_of(TrainedNetwork& trained, const at::Tensor& images, const std::string& source);

}  // namespace darts
