#include <darts/core/optimizer_limits.hpp>
#include <darts/ops/noise.hpp>
#include <darts/search/search_step.hpp>

#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <numbers>

namespace darts {
namespace {

SgdOptions sgd_options(const WeightOptions& o, const StepRules& rules) {
  check_schedule_falls(o.learning_rate, o.learning_rate_min);
  return {o.momentum, o.nesterov, o.weight_decay, o.clip_norm, rules.unreached};
}

constexpr double smallest_norm = 1e-6;  // added to the norm, as PyTorch's clipping does

std::uint64_t number(std::int64_t index) { return static_cast<std::uint64_t>(index); }

/// The 2-norm of all of them together.
at::Tensor norm_of(const std::vector<at::Tensor>& tensors) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  parts.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    parts.push_back(tensor.flatten());
  }
  return at::cat(parts).norm();
}

}  // namespace

SearchStep::SearchStep(const Supernet& supernet, const SearchStepOptions& options)
    : supernet_(supernet),
      options_(options),
      theta_(supernet_->theta()),
      rules_(options.method->step_rules()),
      noise_(has_noise(*supernet_)),
      sgd_(flatten_weights(supernet), sgd_options(options.w, rules_)),
      shared_(*supernet_, options.ranks, options.batch_norm),
      theta_optimizer_(options.method->make_optimizer(theta_, options.alpha)) {
  pass_ = std::make_shared<ThetaPass>(supernet, make_supernet_pass(), options.method);
  if (const SearchOrderRow& row = find_order(options.order); row.bilevel) {
    architect_ = row.make_architect({supernet_, pass_, &sgd_, options.alpha.difference_scale});
  }
}

std::unique_ptr<SupernetPass> SearchStep::make_supernet_pass() const {
  const bool graphs = options_.cuda_graph && !noise_ && !shared_.exchanges();
  std::unique_ptr<SupernetPass> pass =
      (graphs ? make_graphed_pass : make_pass)(supernet_, sgd_.shared_weights());
  return shared_.alone() ? std::move(pass)
                         : shared_pass(std::move(pass), sgd_.shared_weights(), shared_.batch());
}

StepResult SearchStep::run(const Batch& train, const Batch& valid, double learning_rate,
                           const SearchPosition& position) {
  return launch(train, valid, learning_rate, position).get();
}

PendingStep SearchStep::launch(const Batch& train, const Batch& valid, double learning_rate,
                               const SearchPosition& position) {
  const SearchMethod& method = *options_.method;
  if (noise_) {
    restart_noise(*supernet_, {options_.seed, RandomPurpose::noise, number(position.epoch_of_all()),
                               number(position.step)});
  }
  PendingStep::Figures figures;
  if (!method.moves_theta(position)) {
    move_weights(train, learning_rate, position, figures);
  } else if (!architect_) {
    move_both(train, learning_rate, position, figures);
  } else if (method.w_first()) {
    move_weights(train, learning_rate, position, figures);
    move_theta(train, valid, learning_rate, position, figures);
  } else {
    move_theta(train, valid, learning_rate, position, figures);
    move_weights(train, learning_rate, position, figures);
  }
  shared_.average_statistics();
  return PendingStep(figures);
}

void SearchStep::move_theta(const Batch& train, const Batch& valid, double learning_rate,
                            const SearchPosition& position, PendingStep::Figures& figures) {
  architect_->compute_gradients(train, valid, learning_rate, position);
  if (rules_.unreached == Unreached::coast) {
    sgd_.count_as_reached(
        supernet_->run_by(options_.method->mix_all(theta_, position, Moves::theta)));
  }
  add_theta_gradient(position, figures);
  if (figures.loss.defined()) {
    check_on_cpu(figures);
  } else if (is_on_cpu()) {  // w's pass, which adds the sizes, is still to come
    PendingStep::Figures with_sizes = figures;
    add_sizes(with_sizes);
    check_on_cpu(with_sizes);
  }
  theta_optimizer_->step();
}

void SearchStep::move_weights(const Batch& train, double learning_rate,
                              const SearchPosition& position, PendingStep::Figures& figures) {
  if (rules_.theta_in_norm) {
    const ThetaPass::Result pass = pass_->run(train, Differentiate::both, position, Moves::w);
    take(pass, theta_norm(pass.theta), figures);
  } else {
    take(pass_->run(train, Differentiate::weights, position, Moves::w), {}, figures);
  }
  check_on_cpu(figures);
  sgd_.step(learning_rate);
}

void SearchStep::move_both(const Batch& train, double learning_rate, const SearchPosition& position,
                           PendingStep::Figures& figures) {
  const ThetaPass::Result pass = pass_->run(train, Differentiate::both, position, Moves::w);
  theta_.set_gradients(pass.theta);
  add_theta_gradient(position, figures);
  take(pass, rules_.theta_in_norm ? figures.norms.back().second : at::Tensor(), figures);
  check_on_cpu(figures);
  sgd_.step(learning_rate);
  theta_optimizer_->step();
}

/// What is told of w's batch; clips the gradient of w.
void SearchStep::take(const ThetaPass::Result& pass, const at::Tensor& theta_norm,
                      PendingStep::Figures& figures) {
  figures.loss = pass.loss;
  figures.gradient_norm = sgd_.clip(theta_norm);
  figures.correct = pass.correct;
  add_sizes(figures);
}

void SearchStep::add_theta_gradient(const SearchPosition& position,
                                    PendingStep::Figures& figures) const {
  pass_->add_penalty(position);
  clip_theta_gradient();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& tensor : theta_.tensors()) {
    gradients.push_back(tensor.grad());
  }
  figures.norms.emplace_back("norm of the gradient of alpha", norm_of(gradients));
}

/// As torch.nn.utils.clip_grad_norm_ does.
void SearchStep::clip_theta_gradient() const {
  if (rules_.theta_clip_norm > 0.0) {
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& tensor : theta_.tensors()) {
      gradients.push_back(tensor.grad());
    }
    const c10::NoGradGuard no_grad;
    const at::Tensor scale =
        (rules_.theta_clip_norm / (norm_of(gradients) + smallest_norm)).clamp_max(1.0);
    for (at::Tensor& gradient : gradients) {
      gradient.mul_(scale);
    }
  }
}

at::Tensor SearchStep::theta_norm(const std::vector<at::Tensor>& of_pass) const {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < of_pass.size(); ++i) {
    const at::Tensor& left = theta_.tensors()[i].grad();
    gradients.push_back(left.defined() ? left + of_pass[i] : of_pass[i]);
  }
  return norm_of(gradients);
}

void SearchStep::add_sizes(PendingStep::Figures& figures) const {
  figures.norms.emplace_back("norm of w", flat_norm(sgd_.weights().values()));
  figures.norms.emplace_back("norm of alpha", norm_of(theta_.tensors()));
}

void SearchStep::check_on_cpu(const PendingStep::Figures& figures) const {
  if (is_on_cpu()) {
    PendingStep(figures).get();
  }
}

double cosine_learning_rate(const WeightOptions& options, std::int64_t epoch, std::int64_t epochs) {
  const double turn = static_cast<double>(epoch) / static_cast<double>(epochs);
  return options.learning_rate_min + (options.learning_rate - options.learning_rate_min) *
                                         (1.0 + std::cos(std::numbers::pi * turn)) / 2.0;
}

}  // namespace darts
