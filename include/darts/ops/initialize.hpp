#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace darts {

/// Draws the initial weights of every convolution and linear layer of `module` from `seed` alone,
/// with PyTorch's default distribution, U(−1/√fan_in, 1/√fan_in) for weights and biases; batch
/// norms keep scale 1 and shift 0. LibTorch's own initialisation draws from a global generator, so
/// that the result would depend on whatever ran before.
void initialize_weights(torch::nn::Module& module, std::uint64_t seed);

}  // namespace darts
