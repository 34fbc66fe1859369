#include <darts/core/host_copy.hpp>
#include <darts/eval/mixup.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/_sample_dirichlet.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randperm.h>

namespace darts {
namespace {

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  return at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::Mean,
                                /*ignore_index=*/-100, smoothing);
}

}  // namespace

MixedBatch mix(const Batch& batch, double strength, RandomStream random) {
  if (strength <= 0.0) {
    return {batch.images, batch.labels, {}, 1.0};
  }
  const at::Generator generator = at::detail::createCPUGenerator(random());
  // The first part of Dirichlet(a, a) is Beta(a, a).
  const double share =
      at::_sample_dirichlet(at::full({2}, strength, at::kDouble), generator)[0].item<double>();
  const at::Tensor order =
      to_device(at::randperm(batch.images.size(0), generator, at::kLong), batch.labels.options());
  at::Tensor images = batch.images * share + batch.images.index_select(0, order) * (1.0 - share);
  return {std::move(images), batch.labels, batch.labels.index_select(0, order), share};
}

MixedTargets MixedBatch::targets(at::ScalarType type) const {
  if (!other_labels.defined()) {
    return {labels, {}, {}};
  }
  return {labels, other_labels, at::full({}, share, labels.options().dtype(type))};
}

at::Tensor mixed_cross_entropy(const at::Tensor& logits, const MixedTargets& targets,
                               double label_smoothing) {
  const at::Tensor loss = cross_entropy(logits, targets.labels, label_smoothing);
  if (!targets.other_labels.defined()) {
    return loss;
  }
  return loss * targets.share +
         cross_entropy(logits, targets.other_labels, label_smoothing) * (1.0 - targets.share);
}

}  // namespace darts
