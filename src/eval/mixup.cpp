#include <darts/core/host_copy.hpp>
#include <darts/eval/mixup.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/_sample_dirichlet.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randperm.h>

namespace darts {
namespace {

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double smoothing) {
  return at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::Mean,
                                /*ignore_index=*/-100, smoothing);
}

/// Of a permutation of the whole batch, the part that is for this rank's rows.
at::Tensor own_part(const at::Tensor& order, const std::vector<BatchShare>& shares) {
  if (shares.empty()) {
    return order;
  }
  std::vector<at::Tensor> parts;
  for (const BatchShare& share : shares) {
    parts.push_back(order.narrow(0, share.first, share.rows));
  }
  return at::cat(parts);
}

}  // namespace

MixedBatch mix(const Batch& batch, double strength, RandomStream random,
               const std::shared_ptr<Ranks>& ranks) {
  if (strength <= 0.0) {
    return {batch.images, batch.labels, {}, 1.0};
  }
  const at::Generator generator = at::detail::createCPUGenerator(random());
  // The first part of Dirichlet(a, a) is Beta(a, a).
  const double share =
      at::_sample_dirichlet(at::full({2}, strength, at::kDouble), generator)[0].item<double>();
  const at::Tensor order =
      to_device(own_part(at::randperm(batch.all(), generator, at::kLong), batch.shares),
                batch.labels.options());
  const at::Tensor all_images = gather_rows(*ranks, batch.images, batch.shares);
  const at::Tensor all_labels = gather_rows(*ranks, batch.labels, batch.shares);
  at::Tensor images = batch.images * share + all_images.index_select(0, order) * (1.0 - share);
  return {std::move(images), batch.labels, all_labels.index_select(0, order), share};
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
