#pragma once

#include <darts/ops/execution.hpp>
#include <darts/ops/norm_block.hpp>

#include <torch/nn/modules/container/any.h>

namespace darts {

/// addend + drop_path · module(x) by run_fused() where `execution` asks for it and it can be, else
/// the plain way.
at::Tensor run_module(torch::nn::AnyModule& module, const at::Tensor& x, Execution execution,
                      const NormBlockOutput& output = {});

}  // namespace darts
