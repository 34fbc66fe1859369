#include "new_operation/conv_3x3.hpp"

#include <darts/ops/batch_norm.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

namespace darts {
namespace {

class Conv3x3Impl : public torch::nn::Cloneable<Conv3x3Impl> {
 public:
  explicit Conv3x3Impl(const OperationOptions& options) : options_(options) { reset(); }

  void reset() override {
    const std::int64_t c = options_.channels;
    conv_ = register_module(
        "conv",
        torch::nn::Conv2d(
            torch::nn::Conv2dOptions(c, c, 3).stride(options_.stride).padding(1).bias(false)));
    norm_ = register_module("norm",
                            BatchNorm2d(torch::nn::BatchNorm2dOptions(c).affine(options_.affine)));
  }

  at::Tensor forward(const at::Tensor& x) { return norm_(conv_(x.relu())); }

 private:
  OperationOptions options_;
  torch::nn::Conv2d conv_{nullptr};
  BatchNorm2d norm_{nullptr};
};
TORCH_MODULE(Conv3x3);

}  // namespace

torch::nn::AnyModule make_conv_3x3(const OperationOptions& options) {
  return torch::nn::AnyModule(Conv3x3(options));
}

}  // namespace darts
