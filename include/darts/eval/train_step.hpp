#pragma once

#include <darts/data/batch_loader.hpp>
#include <darts/eval/evaluation_network.hpp>
#include <darts/eval/mixup.hpp>
#include <darts/eval/train_config.hpp>

#include <torch/optim/sgd.h>

#include <vector>

namespace darts {

/// Where in a training a step is: all that it depends on beside its batch.
struct TrainPosition {
  std::int64_t epoch = 0;  ///< counted from 0
  std::int64_t step = 0;   ///< in the epoch, counted from 0
  double learning_rate = 0.0;
  double drop_path = 0.0;  ///< probability
};

struct TrainStepResult {
  double loss = 0.0;           ///< with the auxiliary head's share, before w moved
  double gradient_norm = 0.0;  ///< before clipping
  std::int64_t correct = 0;    ///< images whose label, or the larger one of a mixture, came first
};

/// One step of training an evaluation network (paper, A.2): SGD on
/// CE(logits) + weight · CE(auxiliary logits). Owns the optimizer; the network is shared.
class TrainStep {
 public:
  TrainStep(const EvaluationNetwork& network, const TrainConfig& config);

  /// Throws NonFiniteError with w unmoved if the loss or its gradient is not finite.
  TrainStepResult run(const Batch& batch, const TrainPosition& position);

  torch::optim::SGD& optimizer() { return optimizer_; }
  /// The optimizer's parameters, in its order.
  std::vector<std::string> parameter_names() const;

 private:
  void add_gradients(const MixedBatch& batch, double share, DropPath drop_path,
                     TrainStepResult& result);

  EvaluationNetwork network_;
  TrainConfig config_;
  torch::optim::SGD optimizer_;
};

}  // namespace darts
