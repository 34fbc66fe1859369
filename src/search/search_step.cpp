#include "alpha_gradients.hpp"

#include <darts/search/search_step.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/isfinite.h>
#include <c10/util/StringUtil.h>
#include <torch/nn/utils/clip_grad.h>

#include <cmath>
#include <numbers>

namespace darts {
namespace {

double norm_of(const std::vector<at::Tensor>& tensors) {
  double sum = 0.0;
  for (const at::Tensor& tensor : tensors) {
    sum += std::pow(tensor.detach().norm().item<double>(), 2.0);
  }
  return std::sqrt(sum);
}

torch::optim::SGDOptions sgd_options(const WeightOptions& o) {
  return torch::optim::SGDOptions(o.learning_rate)
      .momentum(o.momentum)
      .weight_decay(o.weight_decay);
}

torch::optim::AdamOptions adam_options(const AlphaOptions& o) {
  return torch::optim::AdamOptions(o.learning_rate)
      .betas({o.beta1, o.beta2})
      .weight_decay(o.weight_decay);
}

}  // namespace

SearchStep::SearchStep(const Supernet& supernet, const SearchStepOptions& options)
    : supernet_(supernet),
      options_(options),
      weights_(supernet_->weights()),
      alphas_{supernet_->alphas().normal, supernet_->alphas().reduce},
      pass_(options.cuda_graph ? make_graphed_pass(supernet) : make_pass(supernet)),
      weight_optimizer_(weights_, sgd_options(options.w)),
      alpha_optimizer_(alphas_, adam_options(options.alpha)) {
  if (const SearchMethodRow& row = find_method(options.method); row.bilevel) {
    architect_ = row.make_architect(
        {supernet_, pass_, &weight_optimizer_, options.w.momentum, options.w.weight_decay});
  }
}

SearchStepResult SearchStep::run(const Batch& train, const Batch& valid, double learning_rate) {
  if (architect_) {
    architect_->compute_gradients(train, valid, learning_rate);
    check_alpha_gradients();
    alpha_optimizer_.step();
  }
  return move_weights(train, learning_rate);
}

SearchStepResult SearchStep::move_weights(const Batch& train, double learning_rate) {
  const PassResult pass =
      pass_->run(train, architect_ ? Differentiate::weights : Differentiate::both);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i].mutable_grad() = pass.weights[i];
  }
  if (!architect_) {
    set_gradients(supernet_->alphas(), pass.alphas);
  }
  SearchStepResult result;
  result.loss = pass.loss.item<double>();
  result.gradient_norm = torch::nn::utils::clip_grad_norm_(weights_, options_.w.clip_norm);
  result.correct = pass.logits.argmax(1).eq(train.labels).sum().item<std::int64_t>();
  check_finite(result.loss, result.gradient_norm);
  if (!architect_) {
    check_alpha_gradients();
  }

  auto& group =
      static_cast<torch::optim::SGDOptions&>(weight_optimizer_.param_groups()[0].options());
  group.lr(learning_rate);
  weight_optimizer_.step();
  if (!architect_) {
    alpha_optimizer_.step();
  }
  return result;
}

void SearchStep::check_finite(double loss, double gradient_norm) const {
  if (!std::isfinite(loss) || !std::isfinite(gradient_norm)) {
    throw NonFiniteError(c10::str("loss ", loss, ", gradient norm of w ", gradient_norm,
                                  ", norm of w ", norm_of(weights_), ", norm of alpha ",
                                  norm_of(alphas_)));
  }
}

void SearchStep::check_alpha_gradients() const {
  for (const at::Tensor& alpha : alphas_) {
    if (!at::isfinite(alpha.grad()).all().item<bool>()) {
      throw NonFiniteError(c10::str("gradient of alpha has norm ", norm_of({alpha.grad()}),
                                    ", norm of w ", norm_of(weights_), ", norm of alpha ",
                                    norm_of(alphas_)));
    }
  }
}

double cosine_learning_rate(const WeightOptions& options, std::int64_t epoch, std::int64_t epochs) {
  const double turn = static_cast<double>(epoch) / static_cast<double>(epochs);
  return options.learning_rate_min + (options.learning_rate - options.learning_rate_min) *
                                         (1.0 + std::cos(std::numbers::pi * turn)) / 2.0;
}

}  // namespace darts
