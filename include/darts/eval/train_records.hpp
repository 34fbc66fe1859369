#pragma once

#include <darts/core/json_lines.hpp>
#include <darts/core/run_directory.hpp>
#include <darts/eval/scores.hpp>
#include <darts/eval/train_checkpoint.hpp>

#include <cstdint>
#include <string>

namespace darts {

/// What is known of a finished epoch.
struct TrainEpochSummary {
  std::int64_t epoch = 0;  ///< counted from 1
  double learning_rate = 0.0;
  double drop_path = 0.0;  ///< probability
  double train_loss = 0.0;
  double train_accuracy = 0.0;  ///< in [0, 1]
  double test_loss = 0.0;
  double test_top1 = 0.0;          ///< in [0, 1]
  double test_top5 = 0.0;          ///< in [0, 1]
  double seconds = 0.0;            ///< wall time of the epoch's steps
  double images_per_second = 0.0;  ///< in training
  double loader_share = 0.0;       ///< share of the time spent waiting for batches, in [0, 1]
  std::int64_t skipped = 0;        ///< training images that could not be read
  std::int64_t test_skipped = 0;   ///< test images that could not be read
};

/// One line that says it to a person.
std::string describe(const TrainEpochSummary& summary, std::int64_t epochs);

/// What a training comes to: the table at its end, and result.json.
struct TrainResult {
  std::int64_t epochs = 0;  ///< done
  std::int64_t epochs_planned = 0;
  double test_loss = 0.0;  ///< of the last epoch, as are top1 and top5: the result
  double top1 = 0.0;
  double top5 = 0.0;
  std::int64_t test_skipped = 0;  ///< test images that could not be read
  double best_top1 = 0.0;         ///< picked on the test set
  std::int64_t best_epoch = 0;
  double seconds = 0.0;
  double images_per_second = 0.0;
  std::int64_t parameters = 0;     ///< without the auxiliary head
  std::int64_t multiply_adds = 0;  ///< of one image
};

std::string describe(const TrainResult& result);
nlohmann::ordered_json to_json(const TrainResult& result);

/// metrics.jsonl of a training.
class TrainRecords {
 public:
  explicit TrainRecords(const RunDirectory& directory) : metrics_(directory.metrics()) {}

  void add_step(std::int64_t epoch, std::int64_t step, double accuracy, const StepResult& result);
  void add_epoch(const TrainEpochSummary& summary);

  std::int64_t size() const { return metrics_.size(); }
  /// Drops all records after this size, on resuming.
  void truncate(std::int64_t size) { metrics_.truncate(size); }
  /// Makes the records durable before a checkpoint refers to them.
  void sync() { metrics_.sync(); }

 private:
  JsonLines metrics_;
};

}  // namespace darts
