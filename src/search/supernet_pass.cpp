#include <darts/search/supernet_pass.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <c10/core/GradMode.h>

namespace darts {
namespace {

/// The mixing weights without what they were made of.
Mixings from_here(const Mixings& mixings, bool differentiate) {
  const auto cut = [differentiate](const Mixing& mixing) {
    return Mixing(mixing.operations.detach().requires_grad_(differentiate), mixing.active);
  };
  return {cut(mixings.normal), cut(mixings.reduce)};
}

class PlainPass : public SupernetPass {
 public:
  PlainPass(const Supernet& supernet, std::shared_ptr<FlatWeights> weights)
      : supernet_(supernet), weights_(std::move(weights)) {}

  PassResult run(const Batch& batch, const Mixings& mixings, Differentiate by) override {
    const c10::AutoGradMode with_gradients(true);
    const Mixings cut = from_here(mixings, by != Differentiate::weights);
    const at::Tensor logits =
        supernet_->forward(batch.images, cut).to(cut.normal.operations.scalar_type());
    const at::Tensor loss = loss_of(batch, logits);
    const std::vector<at::Tensor> both{cut.normal.operations, cut.reduce.operations};
    PassResult result;
    switch (by) {
      case Differentiate::mixing:
        result.mixing = gradients_of(loss, both);
        break;
      case Differentiate::weights:
        weights_->differentiate(loss);
        break;
      case Differentiate::both:
        result.mixing = weights_->differentiate(loss, both);
        break;
    }
    result.loss = loss.detach();
    result.logits = logits.detach();
    result.correct = result.logits.argmax(1).eq(batch.labels).sum();
    return result;
  }

 private:
  static at::Tensor loss_of(const Batch& batch, const at::Tensor& logits) {
    const at::Tensor mean = at::cross_entropy_loss(logits, batch.labels);
    return batch.weight == 1.0 ? mean : mean * batch.weight;
  }

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
