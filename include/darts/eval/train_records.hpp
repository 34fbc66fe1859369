#pragma once

#include <darts/run/run_state.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace darts {

/// Which images a training is tested on. Records and texts name their figures after it:
/// "test_top1", "selection_top1".
enum class TestedOn {
  test,       ///< the test set
  selection,  ///< training images that data.hold_out keeps for selection
};

/// What is known of a finished epoch.
struct TrainEpochSummary : EpochFigures {
  double drop_path = 0.0;  ///< probability
  TestedOn tested_on = TestedOn::test;
  double test_loss = 0.0;
  double test_top1 = 0.0;         ///< in [0, 1]
  double test_top5 = 0.0;         ///< in [0, 1]
  std::int64_t skipped = 0;       ///< training images that could not be read
  std::int64_t test_skipped = 0;  ///< of those that it is tested on
};

/// One line that says it to a person.
std::string describe(const TrainEpochSummary& summary, std::int64_t epochs);
/// Its record in metrics.jsonl.
nlohmann::json to_json(const TrainEpochSummary& summary);

/// What a training comes to: the table at its end, and result.json.
struct TrainResult {
  std::int64_t epochs = 0;  ///< done
  std::int64_t epochs_planned = 0;
  TestedOn tested_on = TestedOn::test;
  double test_loss = 0.0;  ///< of the last epoch, as are top1 and top5: the result
  double top1 = 0.0;
  double top5 = 0.0;
  std::int64_t test_skipped = 0;  ///< of those that it is tested on
  double best_top1 = 0.0;         ///< picked on the images that it is tested on
  std::int64_t best_epoch = 0;
  double seconds = 0.0;
  double images_per_second = 0.0;
  std::int64_t parameters = 0;     ///< without the auxiliary head
  std::int64_t multiply_adds = 0;  ///< of one image
};

std::string describe(const TrainResult& result);
nlohmann::ordered_json to_json(const TrainResult& result);

}  // namespace darts
