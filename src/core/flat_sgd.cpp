#include "state_fit.hpp"

#include <darts/core/flat_sgd.hpp>
#include <darts/core/host_copy.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/add.h>
#include <ATen/ops/hypot.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>

namespace darts {
namespace {

constexpr const char* part = ".momentum_buffer";
constexpr double smallest = 1e-6;  // added to the norm, as PyTorch's clipping does

}  // namespace

FlatSgd::FlatSgd(std::shared_ptr<FlatWeights> weights, const SgdOptions& options)
    : weights_(std::move(weights)),
      options_(options),
      begun_(weights_->parameters().tensors().size()) {
  TORCH_CHECK(!options.nesterov || options.momentum > 0.0,
              "Nesterov's momentum needs a momentum above 0");
}

at::Tensor FlatSgd::clip(const at::Tensor& beside) {
  const c10::NoGradGuard no_grad;
  const at::Tensor& gradient = weights_->gradient();
  at::Tensor norm = flat_norm(gradient);
  if (beside.defined()) {
    norm = at::hypot(norm, beside.to(norm.options()));
  }
  // Divided by max(norm, limit) / limit: by exactly 1 where the norm is within its limit.
  gradient.div_((norm + smallest).clamp_min_(options_.clip_norm).div_(options_.clip_norm));
  return norm;
}

/// The same as step() for those weights alone that move.
void FlatSgd::step_reached(double learning_rate) {
  if (!buffer_.defined()) {
    buffer_ = weights_->parameters().zeros();
  }
  const std::vector<at::Tensor> all_buffers = weights_->parameters().windows(buffer_);
  const std::vector<at::Tensor> all_gradients =
      weights_->parameters().windows(weights_->gradient());
  std::vector<at::Tensor> values;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> buffers;
  for (std::size_t i = 0; i < begun_.size(); ++i) {
    const bool reached = weights_->reached()[i];
    begun_[i] = begun_[i] || reached;
    if (reached || (begun_[i] && options_.unreached == Unreached::coast)) {
      values.push_back(weights_->parameters().tensors()[i].detach());
      gradients.push_back(all_gradients[i]);
      buffers.push_back(all_buffers[i]);
    }
  }
  if (values.empty()) {
    return;
  }
  at::_foreach_add_(gradients, values, options_.weight_decay);
  at::_foreach_mul_(buffers, options_.momentum);
  at::_foreach_add_(buffers, gradients);
  if (options_.nesterov) {
    at::_foreach_add_(gradients, buffers, options_.momentum);
  }
  at::_foreach_add_(values, options_.nesterov ? gradients : buffers, -learning_rate);
}

void FlatSgd::step(double learning_rate) {
  const c10::NoGradGuard no_grad;
  if (options_.unreached != Unreached::as_zero) {
    step_reached(learning_rate);
    return;
  }
  const at::Tensor& gradient = weights_->gradient();
  const at::Tensor& values = weights_->values();
  gradient.add_(values, options_.weight_decay);
  if (options_.momentum == 0.0) {
    values.add_(gradient, -learning_rate);
    return;
  }
  if (buffer_.defined()) {
    at::add_out(buffer_, gradient, buffer_, options_.momentum);
  } else {
    buffer_ = gradient.clone();
  }
  if (options_.nesterov) {
    gradient.add_(buffer_, options_.momentum);
  }
  values.add_(options_.nesterov ? gradient : buffer_, -learning_rate);
}

void FlatSgd::count_as_reached(const std::vector<bool>& reached) {
  TORCH_CHECK(reached.size() == begun_.size(), "an optimizer has ", begun_.size(),
              " weights, but it was told of ", reached.size());
  std::transform(begun_.begin(), begun_.end(), reached.begin(), begun_.begin(),
                 std::logical_or<bool>());
}

void FlatSgd::unroll(double learning_rate) {
  const c10::NoGradGuard no_grad;
  const at::Tensor& gradient = weights_->gradient();
  gradient.add_(weights_->values(), options_.weight_decay);
  if (buffer_.defined()) {
    gradient.add_(buffer_, options_.momentum);
  }
  weights_->values().add_(gradient, -learning_rate);
}

void FlatSgd::collect(const std::vector<std::string>& names, std::string_view prefix,
                      NamedTensors& tensors) const {
  if (!buffer_.defined()) {
    return;
  }
  const std::vector<at::Tensor> buffers = weights_->parameters().windows(buffer_);
  TORCH_CHECK(buffers.size() == names.size(), "an optimizer has ", buffers.size(), " weights, but ",
              names.size(), " names were given");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (options_.unreached == Unreached::as_zero || begun_[i]) {
      tensors.emplace(detail::join_name(prefix, names[i]) + part, buffers[i]);
    }
  }
}

void FlatSgd::restore(const std::vector<std::string>& names, std::string_view prefix,
                      const NamedTensors& tensors, std::string_view what) {
  const std::vector<at::Tensor>& weights = weights_->parameters().tensors();
  TORCH_CHECK(weights.size() == names.size(), "an optimizer has ", weights.size(), " weights, but ",
              names.size(), " names were given");
  if (tensors.empty()) {
    buffer_.reset();
    begun_.assign(begun_.size(), false);
    return;
  }
  detail::StateFit fit(tensors, prefix, "this optimizer");
  std::vector<const at::Tensor*> stored;
  std::vector<bool> begun;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = detail::join_name(prefix, names[i]) + part;
    begun.push_back(options_.unreached == Unreached::as_zero || fit.contains(name));
    stored.push_back(begun.back() ? fit.find(name, weights[i]) : nullptr);
  }
  fit.finish(what);
  const c10::NoGradGuard no_grad;
  at::Tensor buffer = weights_->parameters().zeros();
  const std::vector<at::Tensor> windows = weights_->parameters().windows(buffer);
  std::vector<at::Tensor> targets;
  std::vector<at::Tensor> sources;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (stored[i] != nullptr) {
      targets.push_back(windows[i]);
      sources.push_back(*stored[i]);
    }
  }
  copy_from_host(targets, sources);
  buffer_ = buffer;
  begun_ = std::move(begun);
}

}  // namespace darts
