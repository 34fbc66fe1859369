#pragma once

#include <darts/ops/operation.hpp>

#include <torch/nn/modules/container/any.h>

namespace darts {

/// ReLU → 3 × 3 convolution → batch norm: an operation that no kernel, plan or picture knows.
torch::nn::AnyModule make_conv_3x3(const OperationOptions& options);

}  // namespace darts
