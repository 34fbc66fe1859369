#include "batch_norms.hpp"

#include <darts/ops/batch_norm.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

namespace darts::merged {
namespace {

using Buffer = at::Tensor torch::nn::BatchNorm2dImpl::*;

at::Tensor joined(const std::vector<Norm>& norms, Buffer buffer) {
  std::vector<at::Tensor> parts;
  for (const Norm& norm : norms) {
    parts.push_back((*norm).*buffer);
  }
  return at::cat(parts);
}

void check_values(const at::Tensor& x) {
  TORCH_CHECK(
      x.size(0) * x.size(2) * x.size(3) > 1,
      "batch norm: more than one value a channel expected in training, got images of shape ",
      x.sizes());
}

}  // namespace

at::Tensor BatchNorms::run(const at::Tensor& x, const at::Tensor& scale,
                           const std::vector<Norm>& norms) {
  const auto& options = norms.front()->options;
  if (!training_) {
    return at::batch_norm(x, scale, {}, joined(norms, &torch::nn::BatchNorm2dImpl::running_mean),
                          joined(norms, &torch::nn::BatchNorm2dImpl::running_var), false, 0.0,
                          options.eps(), true);
  }
  if (const SharedBatch* const batch = shared_batch_of(*norms.front())) {
    return run_shared(x, scale, norms, *batch);
  }
  check_values(x);
  // With a momentum of 1 the "running" statistics are the batch's.
  const at::Tensor statistics = at::zeros({2, x.size(1)}, norms.front()->running_mean.options());
  mean_ = statistics.select(0, 0);
  variance_ = statistics.select(0, 1);
  at::Tensor y =
      at::batch_norm(x, scale, {}, mean_, variance_, true, /*momentum=*/1.0, options.eps(), true);
  see(norms);
  return y;
}

at::Tensor BatchNorms::run_shared(const at::Tensor& x, const at::Tensor& scale,
                                  const std::vector<Norm>& norms, const SharedBatch& batch) {
  SharedStatistics statistics;
  at::Tensor y = shared_batch_norm(x, scale, {}, norms.front()->options.eps(), batch, &statistics);
  const at::ScalarType type = norms.front()->running_mean.scalar_type();
  mean_ = statistics.mean.to(type);
  variance_ = statistics.variance.to(type);
  see(norms);
  return y;
}

/// What the last batch norm saw, for all of its modules.
void BatchNorms::see(const std::vector<Norm>& norms) {
  std::int64_t first = 0;
  for (const Norm& norm : norms) {
    also(norm, first);
    first += norm->running_mean.numel();
  }
}

void BatchNorms::also(const Norm& norm, std::int64_t first) {
  if (!training_) {
    return;
  }
  const std::int64_t channels = norm->running_mean.numel();
  seen_.push_back(norm);
  running_.push_back(norm->running_mean);
  batch_.push_back(mean_.narrow(0, first, channels));
  running_.push_back(norm->running_var);
  batch_.push_back(variance_.narrow(0, first, channels));
}

void BatchNorms::move_running() {
  if (seen_.empty()) {
    return;
  }
  const c10::NoGradGuard no_grad;
  at::_foreach_lerp_(running_, batch_, seen_.front()->options.momentum().value());
  std::vector<at::Tensor> tracked;
  for (const Norm& norm : seen_) {
    tracked.push_back(norm->num_batches_tracked);
  }
  at::_foreach_add_(tracked, 1);
}

}  // namespace darts::merged
