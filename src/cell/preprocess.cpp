#include <darts/cell/preprocess.hpp>
#include <darts/ops/conv_block.hpp>
#include <darts/ops/factorized_reduce.hpp>

namespace darts {

torch::nn::AnyModule make_preprocess(const PreprocessOptions& o) {
  if (o.halve) {
    return torch::nn::AnyModule(
        FactorizedReduce(FactorizedReduceOptions{o.in_channels, o.out_channels, o.affine}));
  }
  ConvBlockOptions block;
  block.in_channels = o.in_channels;
  block.out_channels = o.out_channels;
  block.affine = o.affine;
  return torch::nn::AnyModule(ReluConvBn(block));
}

}  // namespace darts
