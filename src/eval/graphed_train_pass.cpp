#include <darts/core/graph_table.hpp>
#include <darts/eval/train_pass.hpp>

#include <tuple>
#include <utility>

namespace darts {
namespace {

/// Of inputs that are worth a graph: whole batches and an epoch's last, each without drop path (in
/// the first epoch) and with it.
constexpr std::size_t most_kinds = 8;

using Kind = std::tuple<std::vector<std::int64_t>, double, bool, bool, bool>;

Kind kind_of(const TrainInputs& inputs) {
  return {inputs.images.sizes().vec(), inputs.weight, inputs.first, inputs.drop_path.defined(),
          inputs.targets.other_labels.defined()};
}

class GraphedTrainPass : public TrainPass {
 public:
  GraphedTrainPass(const EvaluationNetwork& network, std::shared_ptr<FlatWeights> weights,
                   const TrainConfig& config)
      : weights_(weights),
        plain_(make_train_pass(network, std::move(weights), config)),
        statistics_(flatten_by_type(network->buffers())),
        graphs_(
            most_kinds, [this](const TrainInputs& inputs) { return plain_->run(inputs); },
            [this] {  // the gradient too, which a later part adds to
              std::vector<at::Tensor> kept = flats_of(statistics_);
              kept.push_back(weights_->gradient());
              return kept;
            }) {}

  TrainPassResult run(const TrainInputs& inputs) override {
    return graphs_.run(kind_of(inputs), inputs);
  }

 private:
  std::shared_ptr<FlatWeights> weights_;
  std::unique_ptr<TrainPass> plain_;
  std::vector<FlatTensors> statistics_;
  GraphTable<Kind, TrainInputs, TrainPassResult> graphs_;
};

}  // namespace

std::vector<at::Tensor*> tensors_of(TrainInputs& inputs) {
  return {&inputs.images, &inputs.targets.labels, &inputs.targets.other_labels,
          &inputs.targets.share, &inputs.drop_path};
}

std::vector<at::Tensor*> tensors_of(TrainPassResult& result) {
  return {&result.loss, &result.logits};
}

std::unique_ptr<TrainPass> make_graphed_train_pass(const EvaluationNetwork& network,
                                                   std::shared_ptr<FlatWeights> weights,
                                                   const TrainConfig& config) {
  return std::make_unique<GraphedTrainPass>(network, std::move(weights), config);
}

}  // namespace darts
