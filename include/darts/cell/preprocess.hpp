#pragma once

#include <torch/nn/modules/container/any.h>

#include <cstdint>

namespace darts {

struct PreprocessOptions {
  std::int64_t in_channels = 16;
  std::int64_t out_channels = 16;
  bool halve = false;  ///< the input is twice as high and wide as the cell's other input
  bool affine = false;
};

/// What brings a cell's input to the cell's channels and size: ReLU → 1×1 convolution → batch norm,
/// or a factorized reduce.
torch::nn::AnyModule make_preprocess(const PreprocessOptions& options);

}  // namespace darts
