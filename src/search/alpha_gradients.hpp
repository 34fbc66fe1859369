#pragma once

#include <darts/search/alphas.hpp>

#include <ATen/core/Tensor.h>

#include <vector>

namespace darts {

/// d loss / d inputs. Only what leads to `inputs` is computed: for alpha alone, no weight
/// gradients. An input that the loss does not depend on (alphas of reduction cells where there are
/// none) gets 0.
std::vector<at::Tensor> gradients_of(const at::Tensor& loss, const std::vector<at::Tensor>& inputs);

/// Makes `gradients` (normal, reduce) the alphas' grad().
void set_gradients(const Alphas& alphas, const std::vector<at::Tensor>& gradients);

}  // namespace darts
