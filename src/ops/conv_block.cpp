#include <darts/ops/batch_norm.hpp>
#include <darts/ops/conv_block.hpp>
#include <darts/ops/depthwise_conv.hpp>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>

namespace darts {
namespace {

using torch::nn::BatchNorm2dOptions;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ReLU;

/// "Same" padding of an odd kernel at stride 1.
std::int64_t same_padding(const ConvBlockOptions& o) {
  return o.dilation * (o.kernel_size - 1) / 2;
}

DepthwiseConv depthwise(const ConvBlockOptions& o, std::int64_t stride) {
  return DepthwiseConv(DepthwiseConvOptions{o.in_channels, o.kernel_size, stride, o.dilation});
}

Conv2d pointwise(std::int64_t in, std::int64_t out) {
  return Conv2d(Conv2dOptions(in, out, 1).bias(false));
}

BatchNorm2d batch_norm(std::int64_t channels, bool affine) {
  return BatchNorm2d(BatchNorm2dOptions(channels).affine(affine));
}

template <class Module>
std::shared_ptr<Module> part(const torch::nn::Sequential& op, std::size_t index) {
  return std::dynamic_pointer_cast<Module>(op->ptr(index));
}

/// Depthwise and pointwise convolution and batch norm, from module `first` on.
NormUnit separable_unit(const torch::nn::Sequential& op, std::size_t first, std::int64_t stride,
                        std::int64_t dilation) {
  return {part<torch::nn::Conv2dImpl>(op, first)->weight,
          {part<torch::nn::Conv2dImpl>(op, first + 1)->weight},
          part<torch::nn::BatchNorm2dImpl>(op, first + 2),
          stride,
          dilation};
}

}  // namespace

ReluConvBnImpl::ReluConvBnImpl(const ConvBlockOptions& options) : options_(options) { reset(); }

void ReluConvBnImpl::reset() {
  const auto& o = options_;
  op_ = register_module(
      "op", torch::nn::Sequential(ReLU(),
                                  Conv2d(Conv2dOptions(o.in_channels, o.out_channels, o.kernel_size)
                                             .stride(o.stride)
                                             .padding(same_padding(o))
                                             .bias(false)),
                                  batch_norm(o.out_channels, o.affine)));
}

at::Tensor ReluConvBnImpl::forward(const at::Tensor& x) { return op_->forward(x); }

std::vector<NormUnit> ReluConvBnImpl::units() const {
  if (options_.kernel_size != 1 || options_.stride != 1) {
    return {};
  }
  return {{{},
           {part<torch::nn::Conv2dImpl>(op_, 1)->weight},
           part<torch::nn::BatchNorm2dImpl>(op_, 2)}};
}

DilConvImpl::DilConvImpl(const ConvBlockOptions& options) : options_(options) { reset(); }

void DilConvImpl::reset() {
  const auto& o = options_;
  op_ = register_module("op", torch::nn::Sequential(ReLU(), depthwise(o, o.stride),
                                                    pointwise(o.in_channels, o.out_channels),
                                                    batch_norm(o.out_channels, o.affine)));
}

at::Tensor DilConvImpl::forward(const at::Tensor& x) { return op_->forward(x); }

std::vector<NormUnit> DilConvImpl::units() const {
  return {separable_unit(op_, 1, options_.stride, options_.dilation)};
}

SepConvImpl::SepConvImpl(const ConvBlockOptions& options) : options_(options) { reset(); }

void SepConvImpl::reset() {
  const auto& o = options_;
  op_ = register_module(
      "op",
      torch::nn::Sequential(ReLU(), depthwise(o, o.stride), pointwise(o.in_channels, o.in_channels),
                            batch_norm(o.in_channels, o.affine),  //
                            ReLU(), depthwise(o, 1), pointwise(o.in_channels, o.out_channels),
                            batch_norm(o.out_channels, o.affine)));
}

at::Tensor SepConvImpl::forward(const at::Tensor& x) { return op_->forward(x); }

std::vector<NormUnit> SepConvImpl::units() const {
  return {separable_unit(op_, 1, options_.stride, options_.dilation),
          separable_unit(op_, 5, 1, options_.dilation)};
}

Chain make_conv_7x1_1x7(const OperationOptions& o) {
  return Chain(ReLU(),
               Conv2d(Conv2dOptions(o.channels, o.channels, {1, 7})
                          .stride({1, o.stride})
                          .padding({0, 3})
                          .bias(false)),
               Conv2d(Conv2dOptions(o.channels, o.channels, {7, 1})
                          .stride({o.stride, 1})
                          .padding({3, 0})
                          .bias(false)),
               batch_norm(o.channels, o.affine));
}

}  // namespace darts
