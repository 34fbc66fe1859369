#pragma once

#include <darts/core/flat_sgd.hpp>
#include <darts/data/batch_loader.hpp>
#include <darts/eval/train_pass.hpp>
#include <darts/ops/shared_network.hpp>
#include <darts/run/pending_step.hpp>

#include <memory>
#include <string>
#include <vector>

namespace darts {

/// Where in a training a step is: all that it depends on beside its batch.
struct TrainPosition {
  std::int64_t epoch = 0;  ///< counted from 0
  std::int64_t step = 0;   ///< in the epoch, counted from 0
  double learning_rate = 0.0;
  double drop_path = 0.0;  ///< probability
};

/// One step of training an evaluation network (paper, A.2): SGD on
/// CE(logits) + weight · CE(auxiliary logits). Owns the optimizer; the network is shared, and its
/// weights live together in one piece of memory from now on (FlatWeights).
class TrainStep {
 public:
  /// `ranks`: those that take the steps together, each with its rows of the batches.
  TrainStep(const EvaluationNetwork& network, const TrainConfig& config,
            std::shared_ptr<Ranks> ranks = single_rank());

  /// On a GPU it returns while the step runs, and a figure that is not finite shows when the result
  /// is asked for: w has then moved, so that it must not be kept. On the CPU it throws
  /// NonFiniteError at once, with w unmoved. Of a mixed image that label counts as right which has
  /// the larger share.
  PendingStep launch(const Batch& batch, const TrainPosition& position);

  /// The same, and waits for it. Throws NonFiniteError.
  StepResult run(const Batch& batch, const TrainPosition& position);

  /// Of the network, to be told of batches in passes of others.
  const SharedNetwork& shared() const { return shared_; }

  FlatSgd& optimizer() { return sgd_; }
  /// The optimizer's parameters, in its order.
  std::vector<std::string> parameter_names() const;

 private:
  struct Part;
  std::vector<Part> split(const MixedBatch& batch, const std::vector<BatchShare>& shares) const;
  void add_up(PendingStep::Figures& figures) const;

  EvaluationNetwork network_;
  TrainConfig config_;
  bool noise_;  ///< it has operations that draw noise
  FlatSgd sgd_;
  SharedNetwork shared_;
  std::unique_ptr<TrainPass> pass_;
};

}  // namespace darts
