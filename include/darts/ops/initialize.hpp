#pragma once

#include <darts/core/field_table.hpp>

#include <torch/nn/module.h>

#include <cstdint>

namespace darts {

/// Which version of PyTorch's default distribution weights are drawn from, U(−1/√f, 1/√f). They
/// differ in grouped convolutions alone, for which the older one, on which the results of the DARTS
/// paper ran, takes f of an ungrouped convolution. A depthwise convolution of C channels so begins
/// √C times smaller; behind a batch norm, which does not mind the size of weights, that is an
/// effective learning rate C times larger.
enum class WeightInit {
  modern,       ///< f: the inputs of one output, C_in / groups · k²
  pytorch_0_3,  ///< f: C_in · k² (torch/nn/modules/conv.py of PyTorch 0.3)
};

/// Their names in configs.
Choices<WeightInit> weight_init_choices();

/// The key `w.init` of searches and trainings.
void add_weight_init_field(FieldTable& table, WeightInit& init);

/// Draws the initial weights of every convolution and linear layer of `module` from `seed` alone,
/// with PyTorch's default distribution for weights and biases; batch norms keep scale 1 and shift
/// 0. LibTorch's own initialisation draws from a global generator, so that the result would depend
/// on whatever ran before. The same seed draws the same numbers for every `init` but for their
/// size.
void initialize_weights(torch::nn::Module& module, std::uint64_t seed,
                        WeightInit init = WeightInit::modern);

}  // namespace darts
