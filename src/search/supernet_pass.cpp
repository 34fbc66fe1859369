#include "alpha_gradients.hpp"

#include <darts/search/supernet_pass.hpp>

#include <ATen/ops/cross_entropy_loss.h>

namespace darts {
namespace {

class PlainPass : public SupernetPass {
 public:
  explicit PlainPass(const Supernet& supernet)
      : supernet_(supernet), weights_(supernet_->weights()) {}

  PassResult run(const Batch& batch, Differentiate by) override {
    const Alphas alphas = supernet_->alphas();
    PassResult result;
    const at::Tensor logits = supernet_->forward(batch.images).to(alphas.normal.scalar_type());
    const at::Tensor loss = at::cross_entropy_loss(logits, batch.labels);
    std::vector<at::Tensor> inputs;
    if (by != Differentiate::weights) {
      inputs = {alphas.normal, alphas.reduce};
    }
    const auto first_weight = std::ssize(inputs);
    if (by != Differentiate::alphas) {
      inputs.insert(inputs.end(), weights_.begin(), weights_.end());
    }
    const std::vector<at::Tensor> gradients = gradients_of(loss, inputs);
    result.alphas.assign(gradients.begin(), gradients.begin() + first_weight);
    result.weights.assign(gradients.begin() + first_weight, gradients.end());
    result.loss = loss.detach();
    result.logits = logits.detach();
    return result;
  }

 private:
  Supernet supernet_;
  std::vector<at::Tensor> weights_;
};

}  // namespace

std::unique_ptr<SupernetPass> make_pass(const Supernet& supernet) {
  return std::make_unique<PlainPass>(supernet);
}

}  // namespace darts
