#pragma once

#include "support/golden.hpp"

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>

namespace darts::testing {

/// Parameters and buffers of `module` by name, sharing its storage.
Golden state_of(const torch::nn::Module& module);

/// A copy of state_of() that does not change with the module.
Golden copy_of_state(const torch::nn::Module& module);

/// Makes the module compute in float64. Module::to would turn counters into floats, too.
void make_double(torch::nn::Module& module);

/// Copies `state` into the module; a name or shape on one side only is a failed test.
void load_state(torch::nn::Module& module, const Golden& state);

/// N(0, 1) in float64, a function of the shape and the seed.
at::Tensor random_normal(at::IntArrayRef shape, std::uint64_t seed);

/// Labels in [0, classes), a function of the seed.
at::Tensor random_labels(std::int64_t count, std::int64_t classes, std::uint64_t seed);

/// Draws every parameter anew from N(0, 1) · scale (batch norms' scales and shifts as well).
void randomize_parameters(torch::nn::Module& module, double scale, std::uint64_t seed);

}  // namespace darts::testing
