#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace darts {

/// Number of elements of all `tensors` together: of a supernet's weights(), without alpha.
std::int64_t count_elements(const std::vector<at::Tensor>& tensors);

/// Number of elements of all registered parameters.
std::int64_t count_parameters(const torch::nn::Module& module);

/// Multiply-adds of the convolutions and linear layers that `forward` runs, for all images of its
/// batch together: the figure that papers report, without batch norm, pooling and activations.
///
/// Counted by watching what LibTorch executes on this thread (record functions), so it is right for
/// any network and needs no formula a layer. `forward` should run on one image, without gradients.
std::int64_t count_multiply_adds(const std::function<void()>& forward);

}  // namespace darts
