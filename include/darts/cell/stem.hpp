#pragma once

#include <darts/core/field_range.hpp>
#include <darts/ops/execution.hpp>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>

#include <cstdint>
#include <utility>

namespace darts {

/// What comes before the first cell; in an evaluation network also which auxiliary head there is.
enum class NetworkStem {
  cifar,     ///< one 3×3 convolution: images of about 32 pixels
  imagenet,  ///< three 3×3 convolutions of stride 2: images of about 224 pixels
};

/// As values of a config's key.
Choices<NetworkStem> stem_choices();

struct StemOptions {
  NetworkStem kind = NetworkStem::cifar;
  std::int64_t image_channels = 3;
  std::int64_t channels = 48;  ///< of what it gives
  bool affine = true;          ///< its batch norms learn scale and shift
};

/// The stem of a network, whose modules are registered in the network itself: `stem.K`, or
/// `stem0.K` and `stem1.K` as the original has them for ImageNet.
class Stem {
 public:
  Stem() = default;
  Stem(torch::nn::Module& network, const StemOptions& options);

  /// What the first cell reads: images (N, image_channels, H, W) → twice the same (N, channels, H,
  /// W), or (N, channels, ⌈H/4⌉, ⌈W/4⌉) and (N, channels, ⌈H/8⌉, ⌈W/8⌉) for ImageNet.
  std::pair<at::Tensor, at::Tensor> forward(const at::Tensor& images, Execution execution);

  /// Whether the second is half as large as the first, as behind a reduction cell.
  bool reduces() const { return static_cast<bool>(second_); }

 private:
  torch::nn::Sequential first_{nullptr};
  torch::nn::Sequential second_{nullptr};  ///< ImageNet only
};

}  // namespace darts
