#include <darts/core/error.hpp>
#include <darts/eval/auxiliary_head.hpp>
#include <darts/ops/batch_norm.hpp>
#include <darts/ops/linear.hpp>
#include <darts/ops/run_chain.hpp>

#include <c10/util/StringUtil.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

namespace darts {

AuxiliaryHeadImpl::AuxiliaryHeadImpl(const AuxiliaryHeadOptions& options) : options_(options) {
  reset();
}

void AuxiliaryHeadImpl::reset() {
  using torch::nn::Conv2d;
  using torch::nn::Conv2dOptions;
  using torch::nn::ReLU;
  constexpr std::int64_t narrow = 128;
  constexpr std::int64_t wide = 768;
  const bool imagenet = options_.stem == NetworkStem::imagenet;
  features_ = register_module(
      "features",
      torch::nn::Sequential(
          ReLU(),
          torch::nn::AvgPool2d(
              torch::nn::AvgPool2dOptions(5).stride(imagenet ? 2 : 3).count_include_pad(false)),
          Conv2d(Conv2dOptions(options_.channels, narrow, 1).bias(false)), BatchNorm2d(narrow),
          ReLU(), Conv2d(Conv2dOptions(narrow, wide, 2).bias(false))));
  if (!imagenet) {
    features_->push_back(BatchNorm2d(wide));
  }
  features_->push_back(ReLU());
  classifier_ = register_module("classifier", torch::nn::Linear(wide, options_.classes));
}

at::Tensor AuxiliaryHeadImpl::forward(const at::Tensor& x, Execution execution) {
  const std::int64_t least = options_.stem == NetworkStem::imagenet ? 7 : 8;
  if (x.size(2) < least || x.size(3) < least) {
    throw Error(c10::str(
        "the images are too small for the auxiliary head, which needs feature maps "
        "of at least ",
        least, "×", least, " and gets ", x.size(2), "×", x.size(3),
        " (for images of 32 and 224 pixels they have 8 and 7): take larger images, or leave "
        "the head out (network.auxiliary=0)"));
  }
  return classify(classifier_, run_chain(features_, x, execution), execution);
}

}  // namespace darts
