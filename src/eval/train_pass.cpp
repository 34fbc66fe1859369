#include <darts/core/device.hpp>
#include <darts/eval/train_pass.hpp>

namespace darts {
namespace {

class PlainTrainPass : public TrainPass {
 public:
  PlainTrainPass(const EvaluationNetwork& network, std::shared_ptr<FlatWeights> weights,
                 const TrainConfig& config)
      : network_(network),
        weights_(std::move(weights)),
        precision_(config.runtime.precision),
        auxiliary_(config.network.auxiliary),
        smoothing_(config.train.label_smoothing) {}

  TrainPassResult run(const TrainInputs& inputs) override {
    EvaluationNetworkImpl::Output output;
    {
      const AutocastGuard autocast(inputs.images.device(), precision_);
      output = network_->forward(inputs.images, DropPath(inputs.drop_path));
    }
    // The loss in the weights' own type, whatever autocast made of the logits.
    const c10::ScalarType type = weights_->values().scalar_type();
    const at::Tensor logits = output.logits.to(type);
    at::Tensor loss = mixed_cross_entropy(logits, inputs.targets, smoothing_);
    if (output.auxiliary.defined()) {
      loss = loss + auxiliary_ *
                        mixed_cross_entropy(output.auxiliary.to(type), inputs.targets, smoothing_);
    }
    loss = loss * inputs.weight;
    if (inputs.first) {
      weights_->differentiate(loss);
    } else {
      weights_->add_gradient(loss);
    }
    return {loss.detach(), logits.detach()};
  }

 private:
  EvaluationNetwork network_;
  std::shared_ptr<FlatWeights> weights_;
  Precision precision_;
  double auxiliary_;
  double smoothing_;
};

}  // namespace

std::unique_ptr<TrainPass> make_train_pass(const EvaluationNetwork& network,
                                           std::shared_ptr<FlatWeights> weights,
                                           const TrainConfig& config) {
  return std::make_unique<PlainTrainPass>(network, std::move(weights), config);
}

}  // namespace darts
