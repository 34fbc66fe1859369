#include "state_fit.hpp"

#include <darts/core/flat_sgd.hpp>
#include <darts/core/host_copy.hpp>

#include <ATen/ops/add.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

namespace darts {
namespace {

constexpr const char* part = ".momentum_buffer";
constexpr double smallest = 1e-6;  // added to the norm, as PyTorch's clipping does

}  // namespace

FlatSgd::FlatSgd(std::shared_ptr<FlatWeights> weights, const SgdOptions& options)
    : weights_(std::move(weights)), options_(options) {
  TORCH_CHECK(!options.nesterov || options.momentum > 0.0,
              "Nesterov's momentum needs a momentum above 0");
}

at::Tensor FlatSgd::clip() {
  const c10::NoGradGuard no_grad;
  const at::Tensor& gradient = weights_->gradient();
  at::Tensor norm = flat_norm(gradient);
  // Divided by max(norm, limit) / limit: by exactly 1 where the norm is within its limit.
  gradient.div_((norm + smallest).clamp_min_(options_.clip_norm).div_(options_.clip_norm));
  return norm;
}

void FlatSgd::step(double learning_rate) {
  const c10::NoGradGuard no_grad;
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
    tensors.emplace(detail::join_name(prefix, names[i]) + part, buffers[i]);
  }
}

void FlatSgd::restore(const std::vector<std::string>& names, std::string_view prefix,
                      const NamedTensors& tensors, std::string_view what) {
  const std::vector<at::Tensor>& weights = weights_->parameters().tensors();
  TORCH_CHECK(weights.size() == names.size(), "an optimizer has ", weights.size(), " weights, but ",
              names.size(), " names were given");
  if (tensors.empty()) {
    buffer_.reset();
    return;
  }
  detail::StateFit fit(tensors, prefix, "this optimizer");
  std::vector<const at::Tensor*> stored;
  for (std::size_t i = 0; i < names.size(); ++i) {
    stored.push_back(fit.find(detail::join_name(prefix, names[i]) + part, weights[i]));
  }
  fit.finish(what);
  const c10::NoGradGuard no_grad;
  at::Tensor buffer = weights_->parameters().zeros();
  const std::vector<at::Tensor> windows = weights_->parameters().windows(buffer);
  std::vector<at::Tensor> sources;
  for (const at::Tensor* tensor : stored) {
    sources.push_back(*tensor);
  }
  copy_from_host(windows, sources);
  buffer_ = buffer;
}

}  // namespace darts
