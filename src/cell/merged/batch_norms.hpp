#pragma once

#include <darts/parallel/batch_share.hpp>

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>

#include <memory>
#include <vector>

namespace darts::merged {

using Norm = std::shared_ptr<torch::nn::BatchNorm2dImpl>;

/// Batch norms of many modules as one, and their running statistics moved together at the end.
class BatchNorms {
 public:
  explicit BatchNorms(bool training) : training_(training) {}

  /// scale · (x − mean) / √(variance + ε) of every channel. x: (N, norms · C, H, W), channels in
  /// the order of `norms`; scale: norms · C, undefined: 1.
  at::Tensor run(const at::Tensor& x, const at::Tensor& scale, const std::vector<Norm>& norms);

  /// What run() saw of these channels, from `first` on, in its last call: for further modules.
  void also(const Norm& norm, std::int64_t first);

  /// Moves the running statistics of all modules, in few operations.
  void move_running();

 private:
  at::Tensor run_shared(const at::Tensor& x, const at::Tensor& scale,
                        const std::vector<Norm>& norms, const SharedBatch& batch);
  void see(const std::vector<Norm>& norms);

  bool training_;
  at::Tensor mean_;      ///< of the last run()'s batch
  at::Tensor variance_;  ///< unbiased
  std::vector<Norm> seen_;
  std::vector<at::Tensor> running_;  ///< means and variances of `seen_`, …
  std::vector<at::Tensor> batch_;    ///< … and what they move towards
};

}  // namespace darts::merged
