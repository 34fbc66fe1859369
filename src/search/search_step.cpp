#include <darts/search/search_step.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eq.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <numbers>

namespace darts {
namespace {

SgdOptions sgd_options(const WeightOptions& o) {
  return {o.momentum, /*nesterov=*/false, o.weight_decay, o.clip_norm};
}

torch::optim::AdamOptions adam_options(const AlphaOptions& o) {
  return torch::optim::AdamOptions(o.learning_rate)
      .betas({o.beta1, o.beta2})
      .weight_decay(o.weight_decay);
}

/// The 2-norm of all of them together.
at::Tensor norm_of(const std::vector<at::Tensor>& tensors) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (const at::Tensor& tensor : tensors) {
    parts.push_back(tensor.flatten());
  }
  return at::cat(parts).norm();
}

}  // namespace

SearchStep::SearchStep(const Supernet& supernet, const SearchStepOptions& options)
    : supernet_(supernet),
      options_(options),
      alphas_{supernet_->alphas().normal, supernet_->alphas().reduce},
      sgd_(flatten_weights(supernet), sgd_options(options.w)),
      alpha_optimizer_(alphas_, adam_options(options.alpha)) {
  flatten_by_type(supernet_->buffers());  // for copies and checkpoints
  pass_ = options.cuda_graph ? make_graphed_pass(supernet, sgd_.shared_weights())
                             : make_pass(supernet, sgd_.shared_weights());
  if (const SearchMethodRow& row = find_method(options.method); row.bilevel) {
    architect_ = row.make_architect({supernet_, pass_, &sgd_});
  }
}

StepResult SearchStep::run(const Batch& train, const Batch& valid, double learning_rate) {
  return launch(train, valid, learning_rate).get();
}

PendingStep SearchStep::launch(const Batch& train, const Batch& valid, double learning_rate) {
  if (!architect_) {
    return move_weights(train, learning_rate, {});
  }
  architect_->compute_gradients(train, valid, learning_rate);
  at::Tensor norm = alpha_gradient_norm();
  if (norm.is_cpu()) {
    check_on_cpu(PendingStep(figures(norm)));
  }
  alpha_optimizer_.step();
  return move_weights(train, learning_rate, norm);
}

PendingStep SearchStep::move_weights(const Batch& train, double learning_rate,
                                     at::Tensor alpha_gradient) {
  const PassResult pass =
      pass_->run(train, architect_ ? Differentiate::weights : Differentiate::both);
  if (!architect_) {
    set_gradients(supernet_->alphas(), pass.alphas);
    alpha_gradient = alpha_gradient_norm();
  }
  PendingStep::Figures of_step = figures(alpha_gradient);
  of_step.loss = pass.loss;
  of_step.gradient_norm = sgd_.clip();
  of_step.correct = pass.logits.argmax(1).eq(train.labels).sum();
  PendingStep step(of_step);
  check_on_cpu(step);
  sgd_.step(learning_rate);
  if (!architect_) {
    alpha_optimizer_.step();
  }
  return step;
}

/// Without those of the pass over w's batch.
PendingStep::Figures SearchStep::figures(at::Tensor alpha_gradient) const {
  return {{},
          {},
          {},
          {{"norm of the gradient of alpha", std::move(alpha_gradient)},
           {"norm of w", flat_norm(sgd_.weights().values())},
           {"norm of alpha", norm_of(alphas_)}}};
}

at::Tensor SearchStep::alpha_gradient_norm() const {
  return norm_of({alphas_[0].grad(), alphas_[1].grad()});
}

void SearchStep::check_on_cpu(const PendingStep& step) const {
  if (alphas_.front().is_cpu()) {
    step.get();
  }
}

double cosine_learning_rate(const WeightOptions& options, std::int64_t epoch, std::int64_t epochs) {
  const double turn = static_cast<double>(epoch) / static_cast<double>(epochs);
  return options.learning_rate_min + (options.learning_rate - options.learning_rate_min) *
                                         (1.0 + std::cos(std::numbers::pi * turn)) / 2.0;
}

}  // namespace darts
