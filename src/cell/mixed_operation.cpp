#include <darts/cell/mixed_operation.hpp>
#include <darts/ops/chain.hpp>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/modulelist.h>

namespace darts {

MixedOperationImpl::MixedOperationImpl(std::vector<Primitive> primitives,
                                       const OperationOptions& options)
    : primitives_(std::move(primitives)), options_(options) {
  reset();
}

void MixedOperationImpl::reset() {
  operations_.clear();
  torch::nn::ModuleList list;
  for (const Primitive& primitive : primitives_) {
    torch::nn::AnyModule operation = primitive.make(options_);
    if (primitive.kind() == PrimitiveKind::pool) {
      Chain normalised;
      normalised->push_back(std::move(operation));
      normalised->push_back(torch::nn::BatchNorm2d(
          torch::nn::BatchNorm2dOptions(options_.channels).affine(options_.affine)));
      operation = torch::nn::AnyModule(normalised);
    }
    list->push_back(operation.ptr());
    operations_.push_back(std::move(operation));
  }
  register_module("_ops", list);
}

at::Tensor MixedOperationImpl::forward(const at::Tensor& x, const at::Tensor& weights) {
  TORCH_CHECK(weights.dim() == 1 && weights.size(0) == std::ssize(operations_),
              "MixedOperation: one weight for each of ", operations_.size(),
              " operations expected, got shape ", weights.sizes());
  at::Tensor sum;
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const at::Tensor term =
        weights.select(0, static_cast<std::int64_t>(i)) * operations_[i].forward<at::Tensor>(x);
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

}  // namespace darts
