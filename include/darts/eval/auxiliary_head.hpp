#pragma once

#include <darts/cell/stem.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace darts {

struct AuxiliaryHeadOptions {
  NetworkStem stem = NetworkStem::cifar;
  std::int64_t channels = 0;  ///< of the cell that it looks at
  std::int64_t classes = 10;
};

/// The auxiliary head at two thirds of the depth (paper, A.2; Szegedy et al. 2015): ReLU, 5×5
/// average pooling, 1×1 convolution to 128 channels, 2×2 convolution to 768, classifier.
///
/// The pooling has stride 3 for CIFAR and 2 for ImageNet, where the original leaves the second
/// batch norm out. Feature maps larger than the paper's (8×8 and 7×7) are averaged before the
/// classifier. (N, channels, H, W) → (N, classes). Throws Error if H or W is smaller than the
/// paper's. Parameters `features.K`, `classifier`.
class AuxiliaryHeadImpl : public torch::nn::Cloneable<AuxiliaryHeadImpl> {
 public:
  explicit AuxiliaryHeadImpl(const AuxiliaryHeadOptions& options);
  void reset() override;
  at::Tensor forward(const at::Tensor& x, Execution execution = Execution::plain);

 private:
  AuxiliaryHeadOptions options_;
  torch::nn::Sequential features_{nullptr};
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(AuxiliaryHead);

}  // namespace darts
