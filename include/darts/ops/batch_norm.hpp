#pragma once

#include <darts/parallel/batch_share.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <string>
#include <vector>

namespace darts {

/// torch::nn::BatchNorm2d that can normalise over a batch whose rows are shared out over ranks:
/// what all operations here are made of, and what those of others have to be made of to be used
/// with parallel.batch_norm: sync.
class BatchNorm2dImpl : public torch::nn::BatchNorm2dImpl {
 public:
  using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;

  /// (N, C, H, W), this rank's rows → the same.
  at::Tensor forward(const at::Tensor& x);

  /// From now on statistics in training are of the whole batch, see SharedBatch.
  void share(std::shared_ptr<const SharedBatch> batch) { batch_ = std::move(batch); }

  /// The batch that it normalises over where that is not this rank's rows alone; null: they are.
  const SharedBatch* shared() const {
    return batch_ && is_training() && batch_->is_shared() ? batch_.get() : nullptr;
  }

  /// A copy shares nothing.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<at::Device>& device = std::nullopt) const override;

 private:
  std::shared_ptr<const SharedBatch> batch_;
};
TORCH_MODULE(BatchNorm2d);

/// shared() of a batch norm of either class.
const SharedBatch* shared_batch_of(const torch::nn::BatchNorm2dImpl& norm);

/// Adds up all ranks' sums over the pixels of a batch norm's batch, if it is shared; → the rows of
/// the whole batch, `rows` of this one if it is not.
std::int64_t add_up(const SharedBatch* batch, std::vector<double>& sums, std::int64_t rows);

/// Batch statistics of a shared batch, a value a channel.
struct SharedStatistics {
  at::Tensor mean;
  at::Tensor variance;  ///< unbiased, as running statistics take it
};

/// scale · (x − mean) / √(variance + ε) + shift with the statistics of all ranks' rows, of which x
/// are this one's. Differentiable once by x, scale and shift (undefined: 1 and 0; a shift goes with
/// a scale), where the gradients of the last two are this rank's part. `statistics`, if given, is
/// filled in. Throws c10::Error for a single value a channel.
at::Tensor shared_batch_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                             double epsilon, const SharedBatch& batch,
                             SharedStatistics* statistics = nullptr);

/// Lets all batch norms of a network normalise over whole batches. Throws Error if one is of a
/// class that cannot.
void share_batch_norms(torch::nn::Module& network, const std::shared_ptr<const SharedBatch>& batch);

}  // namespace darts
