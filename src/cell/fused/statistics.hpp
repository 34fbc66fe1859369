#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/batchnorm.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace darts::fused {

/// Mean and 1/√(variance + ε) of a batch, a value a channel, and the same as x̂ = scale · x + shift.
struct Statistics {
  std::vector<double> mean;
  std::vector<double> rstd;
  at::Tensor scale;
  at::Tensor shift;

  bool known() const { return !mean.empty(); }
};

/// Sums of several tensors' values and squares, a channel each, by groups of images.
class MomentSums {
 public:
  MomentSums(std::int64_t groups, std::size_t tensors, std::int64_t channels)
      : groups_(static_cast<std::size_t>(groups)),
        size_(2 * static_cast<std::size_t>(channels)),
        group_size_(tensors * size_),
        sums_(groups_ * group_size_) {}

  /// Where a group adds Σ x and Σ x² (or what else comes in pairs) of a tensor.
  double* of(std::int64_t group, std::size_t tensor) {
    return sums_.data() + static_cast<std::size_t>(group) * group_size_ + tensor * size_;
  }
  /// All groups' together, added up in order.
  std::vector<double> total(std::size_t tensor) const;

 private:
  std::size_t groups_;
  std::size_t size_;
  std::size_t group_size_;
  std::vector<double> sums_;
};

using Norms = std::vector<std::shared_ptr<torch::nn::BatchNorm2dImpl>>;

/// Statistics from Σ x and Σ x² of `count` values a channel, which move the running statistics of
/// `norms` if `training`, or else the running ones. Does nothing if they are known.
template <class T>
void finish(Statistics& statistics, const std::vector<double>& sums, std::int64_t count,
            const Norms& norms, bool training);

}  // namespace darts::fused
