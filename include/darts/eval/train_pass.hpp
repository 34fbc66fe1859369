#pragma once

#include <darts/core/flat_weights.hpp>
#include <darts/eval/mixup.hpp>
#include <darts/eval/train_config.hpp>

#include <memory>
#include <vector>

namespace darts {

/// What a pass of training reads, on the network's device.
struct TrainInputs {
  at::Tensor images;
  MixedTargets targets;
  at::Tensor drop_path;  ///< draw_drop_path(); undefined: drops nothing
  double weight = 1.0;   ///< of its loss among the parts of a batch
  bool first = true;     ///< of the parts: the gradient begins with it
};

struct TrainPassResult {
  at::Tensor loss;    ///< with the auxiliary head's share, times the weight; of no dimension
  at::Tensor logits;  ///< N × classes, in the weights' type
};

/// All of their tensors, for a GraphTable.
std::vector<at::Tensor*> tensors_of(TrainInputs& inputs);
std::vector<at::Tensor*> tensors_of(TrainPassResult& result);

/// A pass through an evaluation network in training: its loss, and the gradient of w, which goes
/// into the FlatWeights that the pass was made with. Running statistics move. Nothing in it waits
/// for a GPU.
class TrainPass {
 public:
  virtual ~TrainPass() = default;
  virtual TrainPassResult run(const TrainInputs& inputs) = 0;
};

/// Operation after operation.
std::unique_ptr<TrainPass> make_train_pass(const EvaluationNetwork& network,
                                           std::shared_ptr<FlatWeights> weights,
                                           const TrainConfig& config);

/// Each kind of inputs (size, part of a batch, with drop path, mixed) as a DeviceGraph: of a few
/// kinds; others are run as make_train_pass()'s.
std::unique_ptr<TrainPass> make_graphed_train_pass(const EvaluationNetwork& network,
                                                   std::shared_ptr<FlatWeights> weights,
                                                   const TrainConfig& config);

}  // namespace darts
