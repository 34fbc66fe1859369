#include <darts/ops/batch_norm.hpp>
#include <darts/ops/noise.hpp>
#include <darts/ops/shared_network.hpp>

#include <c10/core/GradMode.h>

namespace darts {

SharedNetwork::SharedNetwork(torch::nn::Module& network, std::shared_ptr<Ranks> ranks,
                             BatchNormStatistics statistics)
    : ranks_(std::move(ranks)),
      statistics_(statistics),
      batch_(std::make_shared<SharedBatch>(ranks_)),
      buffers_(flatten_by_type(network.buffers())) {
  if (alone()) {
    return;
  }
  share_noise(network, batch_);
  if (statistics_ == BatchNormStatistics::sync) {
    share_batch_norms(network, batch_);
  }
}

void SharedNetwork::average_statistics() const {
  if (alone() || statistics_ == BatchNormStatistics::sync) {
    return;
  }
  const c10::NoGradGuard no_grad;
  for (const FlatTensors& buffers : buffers_) {
    if (const at::Tensor& flat = buffers.flat(); flat.is_floating_point()) {
      ranks_->sum(flat);
      flat.div_(static_cast<double>(ranks_->size()));
    }
  }
}

}  // namespace darts
