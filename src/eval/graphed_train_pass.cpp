#include <darts/core/device_graph.hpp>
#include <darts/core/flat_tensors.hpp>
#include <darts/eval/train_pass.hpp>

#include <c10/core/GradMode.h>

#include <map>
#include <tuple>
#include <utility>

namespace darts {
namespace {

/// Kinds of inputs that are worth a graph: whole batches and an epoch's last, each without drop
/// path (in the first epoch) and with it. Batches of many sizes, as unreadable images make them,
/// are not.
constexpr std::size_t most_kinds = 8;

using Kind = std::tuple<std::vector<std::int64_t>, double, bool, bool, bool>;

Kind kind_of(const TrainInputs& inputs) {
  return {inputs.images.sizes().vec(), inputs.weight, inputs.first, inputs.drop_path.defined(),
          inputs.targets.other_labels.defined()};
}

at::Tensor copy_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.clone() : at::Tensor();
}

void fill(at::Tensor& tensor, const at::Tensor& from) {
  if (tensor.defined()) {
    tensor.copy_(from, /*non_blocking=*/true);
  }
}

/// A pass as a graph, with the tensors that it reads and writes each time.
struct CapturedPass {
  TrainInputs inputs;
  TrainPassResult result;
  std::unique_ptr<DeviceGraph> graph;
};

class GraphedTrainPass : public TrainPass {
 public:
  GraphedTrainPass(const EvaluationNetwork& network, std::shared_ptr<FlatWeights> weights,
                   const TrainConfig& config)
      : weights_(weights),
        plain_(make_train_pass(network, std::move(weights), config)),
        statistics_(flatten_by_type(network->buffers())) {}

  TrainPassResult run(const TrainInputs& inputs) override {
    const Kind kind = kind_of(inputs);
    auto found = captured_.find(kind);
    if (found == captured_.end()) {
      if (captured_.size() == most_kinds) {
        return plain_->run(inputs);
      }
      found = captured_.emplace(kind, capture(inputs)).first;
    }
    return launch(*found->second, inputs);
  }

 private:
  std::unique_ptr<CapturedPass> capture(const TrainInputs& inputs) {
    auto captured = std::make_unique<CapturedPass>();
    captured->inputs = {copy_of(inputs.images),
                        {copy_of(inputs.targets.labels), copy_of(inputs.targets.other_labels),
                         copy_of(inputs.targets.share)},
                        copy_of(inputs.drop_path),
                        inputs.weight,
                        inputs.first};
    // As they are without the passes to warm up: the gradient too, which a later part adds to.
    const FlatRestore statistics(statistics_);
    const FlatRestore gradient({weights_->gradient()});
    captured->graph = std::make_unique<DeviceGraph>(
        inputs.images.device(),
        [this, &pass = *captured] { pass.result = plain_->run(pass.inputs); }, first_);
    if (first_ == nullptr) {
      first_ = captured->graph.get();
    }
    return captured;
  }

  /// The graph's own tensors are written anew by the next launch, so copies are handed out.
  static TrainPassResult launch(CapturedPass& captured, const TrainInputs& inputs) {
    const c10::NoGradGuard no_grad;
    fill(captured.inputs.images, inputs.images);
    fill(captured.inputs.targets.labels, inputs.targets.labels);
    fill(captured.inputs.targets.other_labels, inputs.targets.other_labels);
    fill(captured.inputs.targets.share, inputs.targets.share);
    fill(captured.inputs.drop_path, inputs.drop_path);
    {
      const c10::AutoGradMode with_gradients(true);  // where a launch runs the work
      captured.graph->launch();
    }
    return {captured.result.loss.clone(), captured.result.logits.clone()};
  }

  std::shared_ptr<FlatWeights> weights_;
  std::unique_ptr<TrainPass> plain_;
  std::vector<FlatTensors> statistics_;
  std::map<Kind, std::unique_ptr<CapturedPass>> captured_;
  const DeviceGraph* first_ = nullptr;  ///< whose memory the others share
};

}  // namespace

std::unique_ptr<TrainPass> make_graphed_train_pass(const EvaluationNetwork& network,
                                                   std::shared_ptr<FlatWeights> weights,
                                                   const TrainConfig& config) {
  return std::make_unique<GraphedTrainPass>(network, std::move(weights), config);
}

}  // namespace darts
