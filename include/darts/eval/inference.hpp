#pragma once

#include <darts/core/device.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/eval/scores.hpp>

#include <c10/core/Device.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace darts {

struct TestOptions {
  c10::Device device = at::kCPU;
  Precision precision = Precision::fp32;
  bool show_progress = false;
  std::function<bool()> should_stop;  ///< asked after every batch; may be empty
  /// Of ranks that test together, each its loader's rows: what its network is told of batches by;
  /// null: one alone.
  std::shared_ptr<SharedBatch> shared;
};

struct TestOutcome {
  TestScores scores;
  std::int64_t skipped = 0;     ///< images that could not be read
  double seconds = 0.0;         ///< wall time
  double loader_seconds = 0.0;  ///< of these, waiting for batches
};

/// Tests a network, which it puts into evaluation mode, on all batches of an epoch of `loader`.
/// The scores are all ranks' together. Nothing if should_stop said so. Throws Error if no image
/// could be read.
std::optional<TestOutcome> test_network(EvaluationNetwork& network, BatchLoader& loader,
                                        const TestOptions& options);

/// Figures and every class's accuracy (of at most 100 classes) as a text.
std::string describe(const TestOutcome& outcome, const std::vector<std::string>& class_names);

/// Logits in evaluation mode, without gradients, as float32.
at::Tensor test_logits(EvaluationNetwork& network, const at::Tensor& images, Precision precision);

/// Computes the running statistics of all batch norms anew, as their plain mean over `batches`
/// batches of `loader` (all, if it has fewer): after averaging or changing weights, the old ones
/// belong to others. Leaves the network in evaluation mode. Returns the batches used, which have
/// two images at least; throws Error if there is none.
std::int64_t recalibrate(EvaluationNetwork& network, BatchLoader& loader, std::int64_t batches,
                         const c10::Device& device);

}  // namespace darts
