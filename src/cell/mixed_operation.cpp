#include <darts/cell/mixed_operation.hpp>
#include <darts/ops/chain.hpp>
#include <darts/ops/run_module.hpp>

#include <torch/nn/modules/batchnorm.h>

namespace darts {

MixedOperationImpl::MixedOperationImpl(std::vector<Primitive> primitives,
                                       const OperationOptions& options)
    : primitives_(std::move(primitives)), options_(options) {
  reset();
}

void MixedOperationImpl::reset() {
  operations_ = register_module("_ops", torch::nn::Sequential());
  for (const Primitive& primitive : primitives_) {
    torch::nn::AnyModule operation = primitive.make(options_);
    if (primitive.kind() == PrimitiveKind::pool) {
      Chain normalised;
      normalised->push_back(std::move(operation));
      normalised->push_back(torch::nn::BatchNorm2d(
          torch::nn::BatchNorm2dOptions(options_.channels).affine(options_.affine)));
      operation = torch::nn::AnyModule(normalised);
    }
    operations_->push_back(std::move(operation));
  }
}

at::Tensor MixedOperationImpl::forward(const at::Tensor& x, const at::Tensor& weights,
                                       Execution execution) {
  TORCH_CHECK(weights.dim() == 1 && weights.size(0) == std::ssize(primitives_),
              "MixedOperation: one weight for each of ", primitives_.size(),
              " operations expected, got shape ", weights.sizes());
  at::Tensor sum;
  std::int64_t column = 0;
  for (torch::nn::AnyModule& operation : *operations_) {
    const at::Tensor term = weights.select(0, column++) * run_module(operation, x, execution);
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

}  // namespace darts
