#include <darts/core/flat_weights.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/ops/noise.hpp>
#include <darts/search/curvature.hpp>
#include <darts/search/selection.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/api/include/torch/autograd.h>

#include <chrono>

namespace darts {
namespace {

/// Of the difference, in theta. Where a ReLU or a max pool switches between the two points, the
/// gradient jumps, and the jump over the step is no curvature: on 64 images a step of 1e-7 meets
/// such ones nearly always and gives eigenvalues a hundred times too large, one of 1e-8 seldom.
/// Rounding of float64 leaves six digits of a difference over this one, and nothing in float32.
constexpr double difference_step = 1e-9;
constexpr double most_bend = 0.1;  ///< of a product between the two halves of its step

/// How much is dropped in training, which is no tensor.
void take_over_dropping(const SupernetImpl& supernet, SupernetImpl& copy) {
  const auto sources = supernet.named_modules();
  for (const auto& item : copy.named_modules()) {
    if (auto* const to = dynamic_cast<DroppingOperation*>(item.value().get())) {
      const auto& from = dynamic_cast<const DroppingOperation&>(*sources[item.key()]);
      to->set_probability(from.probability());
    }
  }
}

/// Another supernet with the same weights, theta and statistics, that computes in `type`.
Supernet copy_of(const Supernet& supernet, const HessianOptions& options) {
  SupernetOptions as = supernet->options();
  if (options.products == CurvatureProducts::exact) {
    as.execution.execution = Execution::plain;  // our kernels cannot be differentiated twice
  }
  as.execution.precision = Precision::fp32;
  Supernet copy(as);
  const c10::NoGradGuard no_grad;
  const auto sources = supernet->named_parameters();
  for (auto& item : copy->named_parameters()) {
    item.value().set_data(
        sources[item.key()].detach().to(options.type, /*non_blocking=*/false, /*copy=*/true));
  }
  const auto buffers = supernet->named_buffers();
  for (auto& item : copy->named_buffers()) {
    const at::Tensor& source = buffers[item.key()];
    const at::ScalarType type = source.is_floating_point() ? options.type : source.scalar_type();
    item.value().set_data(source.to(type, /*non_blocking=*/false, /*copy=*/true));
  }
  for (at::Tensor& weight : copy->weights()) {
    weight.set_requires_grad(options.products == CurvatureProducts::difference);
  }
  take_over_dropping(*supernet, *copy);
  copy->train();
  return copy;
}

/// 0 where the gradient by an input is undefined, as the input leads nowhere.
std::vector<at::Tensor> with_zeros(std::vector<at::Tensor> gradients,
                                   const std::vector<at::Tensor>& inputs) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) {
      gradients[i] = at::zeros_like(inputs[i]);
    }
  }
  return gradients;
}

/// One behind the other, float64, on the CPU.
at::Tensor flat(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> parts;
  parts.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    parts.push_back(tensor.to(at::kCPU, at::kDouble).flatten());
  }
  return at::cat(parts);
}

/// The mean of the gradient's differences over the two halves of a step; where they disagree, as a
/// jump in one of them makes them, the smaller one.
at::Tensor smooth_difference(const at::Tensor& ahead, const at::Tensor& behind) {
  const at::Tensor mean = (ahead + behind) / 2.0;
  const double bend = (ahead - behind).norm().item<double>();
  if (bend <= most_bend * mean.norm().item<double>()) {
    return mean;
  }
  return ahead.norm().item<double>() < behind.norm().item<double>() ? ahead : behind;
}

}  // namespace

bool measures_curvature(const CurvatureOptions& options, std::int64_t epoch, std::int64_t epochs) {
  return options.every > 0 && (epoch % options.every == 0 || epoch == epochs - 1);
}

ThetaHessian::ThetaHessian(const Supernet& supernet, std::shared_ptr<const SearchMethod> method,
                           const Batch& batch, const HessianOptions& options)
    : supernet_(copy_of(supernet, options)),
      method_(std::move(method)),
      batch_{batch.images.to(options.type), batch.labels},
      options_(options),
      theta_(supernet_->theta()),
      pass_(supernet_, make_pass(supernet_), method_) {
  for (const at::Tensor& tensor : theta_.tensors()) {
    size_ += tensor.numel();
  }
  method_->start_epoch(*supernet_, options_.position);
}

at::Tensor ThetaHessian::flat_theta() const {
  const c10::NoGradGuard no_grad;
  return flat(theta_.tensors());
}

void ThetaHessian::move_to(const at::Tensor& theta) {
  const c10::NoGradGuard no_grad;
  std::int64_t at = 0;
  for (at::Tensor tensor : theta_.tensors()) {
    tensor.copy_(theta.narrow(0, at, tensor.numel()).view(tensor.sizes()));
    at += tensor.numel();
  }
}

void ThetaHessian::rewind_noise() {
  restart_noise(*supernet_, {options_.position.seed, RandomPurpose::curvature,
                             static_cast<std::uint64_t>(options_.position.epoch_of_all())});
}

/// Without the weight decay.
at::Tensor ThetaHessian::gradient_here() {
  rewind_noise();
  return flat(pass_.run(batch_, Differentiate::mixing, options_.position, Moves::theta).theta);
}

/// Leaves the gradient by theta with the graph behind it.
void ThetaHessian::differentiate() {
  const c10::AutoGradMode with_gradients(true);
  rewind_noise();
  const Mixings mixings =
      apply_selection(method_->mix_all(theta_, options_.position, Moves::theta), theta_);
  const at::Tensor logits = supernet_->forward(batch_.images, mixings);
  const at::Tensor loss = at::cross_entropy_loss(logits, batch_.labels);
  gradient_ =
      flat(with_zeros(torch::autograd::grad({loss}, theta_.tensors(), {}, /*retain_graph=*/true,
                                            /*create_graph=*/true, /*allow_unused=*/true),
                      theta_.tensors()));
}

at::Tensor ThetaHessian::gradient() {
  if (options_.products == CurvatureProducts::exact && !gradient_.defined()) {
    differentiate();
  }
  const at::Tensor of_loss = gradient_.defined() ? gradient_.detach() : gradient_here();
  return of_loss + options_.weight_decay * flat_theta();
}

at::Tensor ThetaHessian::product(const at::Tensor& direction) {
  const at::Tensor of_loss = options_.products == CurvatureProducts::exact
                                 ? exact_product(direction)
                                 : difference_along(direction);
  return of_loss + options_.weight_decay * direction;
}

at::Tensor ThetaHessian::exact_product(const at::Tensor& direction) {
  if (!gradient_.defined()) {
    differentiate();
  }
  const c10::AutoGradMode with_gradients(true);
  return flat(with_zeros(torch::autograd::grad({gradient_}, theta_.tensors(), {direction},
                                               /*retain_graph=*/true, /*create_graph=*/false,
                                               /*allow_unused=*/true),
                         theta_.tensors()))
      .detach();
}

at::Tensor ThetaHessian::difference_along(const at::Tensor& direction) {
  const at::Tensor here = flat_theta();
  const double length = direction.norm().item<double>();
  constexpr double step = difference_step;
  if (!gradient_.defined()) {
    gradient_ = gradient_here();
  }
  move_to(here + direction * (step / length));
  const at::Tensor ahead = gradient_here();
  move_to(here - direction * (step / length));
  const at::Tensor behind = gradient_here();
  move_to(here);
  return smooth_difference(ahead - gradient_, gradient_ - behind) * (length / step);
}

at::Tensor ThetaHessian::matrix() {
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < size_; ++i) {
    at::Tensor direction = at::zeros({size_}, at::kDouble);
    direction[i] = 1.0;
    rows.push_back(product(direction));
  }
  return at::stack(rows);
}

at::Tensor ThetaHessian::start(std::uint64_t seed) const {
  const c10::NoGradGuard no_grad;
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  std::vector<at::Tensor> parts;
  for (std::size_t i = 0; i < theta_.tensors().size(); ++i) {
    at::Tensor part = at::randn(theta_.tensors()[i].sizes(), generator, at::kDouble);
    for (const CellType type : cell_types) {
      if (const at::Tensor& missing = theta_.missing(type);
          missing.defined() && theta_.names()[i] == theta_name("alphas", type)) {
        part.masked_fill_(missing.cpu(), 0.0);
      }
    }
    parts.push_back(part);
  }
  return flat(parts);
}

std::optional<Curvature> measure_curvature(const Supernet& supernet,
                                           const std::shared_ptr<const SearchMethod>& method,
                                           const Batch& batch, const HessianOptions& options,
                                           std::uint64_t seed,
                                           const std::function<bool()>& should_stop) {
  const auto begin = std::chrono::steady_clock::now();
  ThetaHessian hessian(supernet, method, batch, options);
  const auto largest =
      largest_eigenvalue([&](const at::Tensor& direction) { return hessian.product(direction); },
                         hessian.start(seed), {}, should_stop);
  if (!largest) {
    return std::nullopt;
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  return Curvature{largest->value, time.count(), largest->products};
}

}  // namespace darts
