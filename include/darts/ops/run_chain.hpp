#pragma once

#include <darts/ops/execution.hpp>

#include <torch/nn/modules/container/sequential.h>

namespace darts {

/// The same as `chain` run module by module but for rounding. With the fused execution each
/// convolution and its batch norm, behind a ReLU or not, are one by our own kernels where there are
/// such for them: dense convolutions of an odd size with padding that keeps the size, or of any
/// size without padding. Results then do not depend on the number of threads.
at::Tensor run_chain(torch::nn::Sequential& chain, at::Tensor x, Execution execution);

}  // namespace darts
