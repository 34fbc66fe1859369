#include <darts/search/supernet_pass.hpp>

#include <ATen/ops/cross_entropy_loss.h>

namespace darts {
namespace {

class PlainPass : public SupernetPass {
 public:
  PlainPass(const Supernet& supernet, std::shared_ptr<FlatWeights> weights)
      : supernet_(supernet), weights_(std::move(weights)) {}

  PassResult run(const Batch& batch, Differentiate by) override {
    const Alphas alphas = supernet_->alphas();
    const at::Tensor logits = supernet_->forward(batch.images).to(alphas.normal.scalar_type());
    const at::Tensor loss = at::cross_entropy_loss(logits, batch.labels);
    const std::vector<at::Tensor> both{alphas.normal, alphas.reduce};
    PassResult result;
    switch (by) {
      case Differentiate::alphas:
        result.alphas = gradients_of(loss, both);
        break;
      case Differentiate::weights:
        weights_->differentiate(loss);
        break;
      case Differentiate::both:
        result.alphas = weights_->differentiate(loss, both);
        break;
    }
    result.loss = loss.detach();
    result.logits = logits.detach();
    return result;
  }

 private:
  Supernet supernet_;
  std::shared_ptr<FlatWeights> weights_;
};

}  // namespace

std::shared_ptr<FlatWeights> flatten_weights(const Supernet& supernet) {
  return std::make_shared<FlatWeights>(supernet->weights());
}

std::unique_ptr<SupernetPass> make_pass(const Supernet& supernet,
                                        std::shared_ptr<FlatWeights> weights) {
  return std::make_unique<PlainPass>(supernet,
                                     weights ? std::move(weights) : flatten_weights(supernet));
}

}  // namespace darts
