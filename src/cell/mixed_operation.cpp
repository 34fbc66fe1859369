#include <darts/cell/identity_convolution.hpp>
#include <darts/cell/mixed_operation.hpp>
#include <darts/ops/batch_norm.hpp>
#include <darts/ops/chain.hpp>
#include <darts/ops/dropout.hpp>
#include <darts/ops/run_module.hpp>
#include <darts/ops/zero.hpp>

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>

namespace darts {

MixedOperationImpl::MixedOperationImpl(std::vector<Primitive> primitives,
                                       const OperationOptions& options, const EdgeOptions& edge)
    : primitives_(std::move(primitives)), options_(options), edge_(edge) {
  reset();
}

void MixedOperationImpl::reset() {
  TORCH_CHECK(options_.channels % edge_.partial == 0, "MixedOperation: ", options_.channels,
              " channels cannot be parted by ", edge_.partial);
  OperationOptions own = options_;
  own.channels /= edge_.partial;
  operations_ = register_module("_ops", torch::nn::Sequential());
  for (const Primitive& primitive : primitives_) {
    const bool drops =
        edge_.skip_dropout && own.stride == 1 && primitive.kind() == PrimitiveKind::skip;
    torch::nn::AnyModule operation =
        drops ? torch::nn::AnyModule(SkipDropout()) : primitive.make(own);
    if (primitive.kind() == PrimitiveKind::pool) {
      Chain normalised;
      normalised->push_back(std::move(operation));
      normalised->push_back(
          BatchNorm2d(torch::nn::BatchNorm2dOptions(own.channels).affine(own.affine)));
      operation = torch::nn::AnyModule(normalised);
    }
    operations_->push_back(std::move(operation));
  }
  drop_path_ =
      edge_.drop_path ? register_module("drop_path", EdgeDropPath()) : EdgeDropPath(nullptr);
  extras_.clear();
  if (edge_.has_auxiliary()) {
    add_auxiliary(own);
  }
}

void MixedOperationImpl::add_auxiliary(const OperationOptions& options) {
  const bool convolution = edge_.auxiliary == AuxiliarySkip::convolution && options.stride == 1;
  extras_.push_back(convolution ? torch::nn::AnyModule(IdentityConvolution(options.channels))
                                : Primitive::parse("skip_connect").make(options));
  register_module("auxiliary_op", extras_.back().ptr());
}

at::Tensor MixedOperationImpl::forward(const at::Tensor& x, const at::Tensor& weights,
                                       Execution execution, const at::Tensor& active) {
  const std::int64_t extra = edge_.extra_columns();
  TORCH_CHECK(weights.dim() == 1 && weights.size(0) == std::ssize(primitives_) + extra,
              "MixedOperation: one weight for each of ", primitives_.size(), " operations expected",
              extra == 0 ? "" : ", and behind them those of what edges have beside", ", got shape ",
              weights.sizes());
  const at::Tensor sum = mix(x, weights, execution, active);
  return drop_path_ ? drop_path_->forward(sum) : sum;
}

at::Tensor MixedOperationImpl::mix(const at::Tensor& x, const at::Tensor& weights,
                                   Execution execution, const at::Tensor& active) {
  if (!edge_.has_bypass()) {
    return sum_operations(x, weights, execution, active);
  }
  const std::int64_t own = x.size(1) / edge_.partial;
  const at::Tensor operations = sum_operations(x.narrow(1, 0, own), weights, execution, active);
  const at::Tensor bypass = weights[-1] * pass_by(x.narrow(1, own, x.size(1) - own));
  return at::cat({operations, bypass}, 1)
      .unflatten(1, {edge_.partial, own})
      .transpose(1, 2)
      .flatten(1, 2);
}

at::Tensor MixedOperationImpl::sum_operations(const at::Tensor& x, const at::Tensor& weights,
                                              Execution execution, const at::Tensor& active) {
  at::Tensor sum;
  const auto add = [&](torch::nn::AnyModule& module, std::int64_t column) {
    const at::Tensor term = weights.select(0, column) * run_module(module, x, execution);
    sum = sum.defined() ? sum + term : term;
  };
  std::int64_t column = 0;
  for (torch::nn::AnyModule& operation : *operations_) {
    if (!active.defined() || active.const_data_ptr<bool>()[column]) {
      add(operation, column);
    }
    ++column;
  }
  column = weights.size(0) - edge_.extra_columns();
  for (torch::nn::AnyModule& module : extras_) {
    add(module, column++);
  }
  return sum.defined() ? sum : Zero(options_.stride)->forward(x);
}

/// Odd sizes, which the original cannot take, are rounded up as those of operations.
at::Tensor MixedOperationImpl::pass_by(const at::Tensor& x) const {
  return options_.stride == 1 ? x : at::max_pool2d(x, 2, 2, 0, 1, /*ceil_mode=*/true);
}

}  // namespace darts
